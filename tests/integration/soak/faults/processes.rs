//! Signals to instances, and what can happen to Redis.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rustix::process::Signal;
use tokio::time::sleep;

use crate::soak::Soak;
use crate::soak::site::{INSTANCES, blocking, lock};

pub async fn kill_instance(soak: &Arc<Soak>, hold: Duration, dice: &mut StdRng) {
    let at = dice.random_range(0..INSTANCES);
    let killed = soak.clone();
    blocking(move || killed.site.instances[at].kill()).await;
    sleep(hold / 4).await;
    soak.site.instances[at].launch();
}

/// Once for long, or many times for less than a poll.
pub async fn stop_instance(soak: &Soak, hold: Duration, dice: &mut StdRng) {
    let instance = &soak.site.instances[dice.random_range(0..INSTANCES)];
    let times = if dice.random_bool(0.5) { 1 } else { 12 };
    for _ in 0..times {
        instance.signal(Signal::STOP);
        sleep(hold / times).await;
        instance.signal(Signal::CONT);
        sleep(Duration::from_millis(dice.random_range(0..300))).await;
    }
}

pub async fn kill_redis(soak: &Arc<Soak>, hold: Duration) {
    lock(&soak.site.redis).kill();
    sleep(hold / 2).await;
    start_redis(soak).await;
}

pub async fn stop_redis(soak: &Soak, hold: Duration) {
    lock(&soak.site.redis).stop();
    sleep(hold).await;
    lock(&soak.site.redis).go_on();
}

pub async fn flush_redis(soak: &Soak) {
    for _ in 0..5 {
        lock(&soak.site.redis).ask::<()>(&["FLUSHALL"]);
        sleep(Duration::from_millis(100)).await;
    }
}

pub async fn restore_redis(soak: &Arc<Soak>, hold: Duration) {
    lock(&soak.site.redis).ask::<()>(&["SAVE"]);
    sleep(hold).await;
    lock(&soak.site.redis).kill();
    start_redis(soak).await;
}

async fn start_redis(soak: &Arc<Soak>) {
    let soak = soak.clone();
    blocking(move || lock(&soak.site.redis).restart()).await;
}
