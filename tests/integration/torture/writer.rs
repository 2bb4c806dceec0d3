//! The one who changes what callers read: shelves, one whole shelf at a time.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::sleep;

use super::Torture;
use super::faults::site::Site;
use super::world::shelves::{self, SHELVES};

/// Between two transactions.
const PAUSE_MAX_MILLIS: u64 = 60;

/// Until told to stop. What is written twice is the same, so who never heard the end writes it again.
pub async fn write(torture: Arc<Torture>, site: Arc<Site>, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut session = None;
    while !torture.stopped() {
        let shelf = dice.random_range(1..=SHELVES);
        let window = torture.world.shelves.window(shelf);
        let next = window.committed() + 1;
        window.begin(next);
        loop {
            let open = match session.take() {
                Some(open) => Some(open),
                None => site.session().await,
            };
            if let Some(open) = open
                && open.batch_execute(&shelves::raise(shelf, next)).await.is_ok()
            {
                session = Some(open);
                break;
            }
            sleep(Duration::from_millis(PAUSE_MAX_MILLIS)).await;
        }
        window.commit(next);
        sleep(Duration::from_millis(dice.random_range(0..PAUSE_MAX_MILLIS))).await;
    }
}
