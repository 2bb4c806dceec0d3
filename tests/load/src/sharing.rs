//! Two instances that share a Redis → how long they take, restarted, until they answer as many calls as before.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::check;
use crate::h2load::{Calls, HALF};
use crate::keys::Keys;
use crate::pairs::median;
use crate::redis::Redis;
use crate::server::{More, Program, Server};
use crate::side::{Method, Sample};
use crate::stage::Stage;

const PROGRAM: Program = Program::RowcallKeepingLittle;
const WARM_SECONDS_MIN: u32 = 5;
/// Who is not warm by then counts as warm then.
const WARM_MAX: Duration = Duration::from_secs(60);
/// What is read is put into Redis a little later.
const SETTLE: Duration = Duration::from_millis(500);

pub struct Sharing {
    instances: Vec<Server>,
    redis: Redis,
}

impl Sharing {
    pub fn start(stage: &Stage) -> anyhow::Result<Sharing> {
        let redis = Redis::start(&stage.folder)?;
        let mut sharing = Sharing { instances: Vec::new(), redis };
        sharing.start_instances(stage)?;
        for instance in &sharing.instances {
            check::kept(stage, instance)?;
        }
        Ok(sharing)
    }

    fn start_instances(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let settings = vec![format!("redis.url={}", self.redis.url())];
        let start = |number| {
            let more = More { settings: settings.clone(), number, ..More::default() };
            stage.programs.start(PROGRAM, &stage.cluster, &more)
        };
        self.instances = vec![start(1)?, start(2)?];
        Ok(())
    }

    /// Calls a second of both together, and how many keys there were among them.
    fn rate(&self, stage: &Stage, seconds: u32) -> anyhow::Result<(f64, u64)> {
        let (h2load, pool) = (&stage.h2load, Method::Get.pool(stage, Keys::Zipf));
        let ask = |address| {
            h2load.run(&Calls {
                address,
                method: Method::Get.name(),
                headers: &[],
                pool,
                flight: HALF,
                seconds,
            })
        };
        let slices = scope(|threads| {
            let addresses = self.instances.iter().map(|instance| instance.address);
            let asking: Vec<_> = addresses.map(|address| threads.spawn(move || ask(address))).collect();
            asking.into_iter().map(|one| one.join().expect("it does not panic")).collect::<Vec<_>>()
        });
        let slices = slices.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let distinct_keys = slices.iter().map(|slice| slice.distinct_keys).min();
        Ok((slices.iter().map(|slice| slice.per_second).sum(), distinct_keys.unwrap_or_default()))
    }

    /// As they are, warm; of one of them, so many calls are asked where their answers come from.
    pub fn measure(&self, stage: &Stage, seconds: u32, asked: usize) -> anyhow::Result<Sample> {
        let (value, distinct_keys) = self.rate(stage, seconds)?;
        let instance = self.instances.first().context("no instance")?;
        let some = Method::Get.pool(stage, Keys::Zipf).some(asked)?;
        let hits = stage.client.hits(instance.address, Method::Get.name(), some)?;
        Ok(Sample { value, distinct_keys: Some(distinct_keys), answer_bytes: None, hits: Some(hits) })
    }

    /// Seconds from the start of the processes to the end of the first second that brings the warm median less the
    /// warm seconds' standard deviation. Redis stays, and what it has.
    pub fn restart(&mut self, stage: &Stage, seconds: u32) -> anyhow::Result<Sample> {
        let mut warm = Vec::new();
        let mut distinct_keys = u64::MAX;
        for _ in 0..seconds.max(WARM_SECONDS_MIN) {
            let (rate, distinct) = self.rate(stage, 1)?;
            warm.push(rate);
            distinct_keys = distinct_keys.min(distinct);
        }
        let enough = median(warm.clone()) - deviation(&warm);
        ensure!(enough > 0.0, "the warm rate is all noise: {warm:?}");
        sleep(SETTLE);
        self.instances.clear();
        let begun = Instant::now();
        self.start_instances(stage)?;
        let mut cold = Vec::new();
        while cold.last().is_none_or(|rate| *rate < enough) && begun.elapsed() < WARM_MAX {
            cold.push(self.rate(stage, 1)?.0);
        }
        eprintln!("  warm {warm:.0?}, restarted {cold:.0?} of {enough:.0}");
        let value = begun.elapsed().as_secs_f64();
        Ok(Sample { value, distinct_keys: Some(distinct_keys), answer_bytes: None, hits: None })
    }
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_deviates() {
        assert_eq!(deviation(&[3.0, 3.0]), 0.0);
        assert_eq!(deviation(&[2.0, 4.0]), 1.0);
    }
}
