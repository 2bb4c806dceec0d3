//! The runtime's workers and tasks.

use tokio::runtime::Handle;

use super::{Telemetry, instruments};

pub fn watch(telemetry: &Telemetry, handle: Handle) {
    let metrics = handle.metrics();
    let busy = metrics.clone();
    telemetry.watch(&instruments::RUNTIME_BUSY, move |tell| {
        let workers = 0..busy.num_workers();
        tell(workers.map(|at| busy.worker_total_busy_duration(at).as_secs_f64()).sum(), &[]);
    });
    let workers = metrics.clone();
    telemetry.watch(&instruments::RUNTIME_WORKERS, move |tell| tell(workers.num_workers() as f64, &[]));
    let queue = metrics.clone();
    telemetry.watch(&instruments::RUNTIME_QUEUE, move |tell| tell(queue.global_queue_depth() as f64, &[]));
    telemetry.watch(&instruments::RUNTIME_TASKS, move |tell| tell(metrics.num_alive_tasks() as f64, &[]));
}
