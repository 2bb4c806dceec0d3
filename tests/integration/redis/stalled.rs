//! A Redis that is there and does not answer: a few milliseconds, a few times, and then nothing.

use super::*;
use crate::support::{Path, Proxy};

const WAIT: Duration = Duration::from_millis(20);

/// Far more than the wait, for a machine that others use too.
const SOON: Duration = Duration::from_secs(2);

fn impatient(settings: &mut Settings) {
    settings.wait_max = WAIT;
    settings.failures_max = 3;
    // So long that a probe waits for a stopped server to go on.
    settings.connect_max = LONG;
}

/// With a wait so short, a busy machine may miss it.
async fn found(redis: &Redis, number: usize) -> String {
    let late = Instant::now() + LONG;
    loop {
        reached(redis, true).await;
        if let Some(found) = one(redis, number).await {
            return found;
        }
        assert!(Instant::now() < late, "{:?}", redis.status());
    }
}

async fn put_once(redis: &Redis, text: &str) {
    let before = redis.status().stored;
    reached(redis, true).await;
    redis.put(key(0), &entry(text));
    until(redis, |status| status.stored > before).await;
}

#[tokio::test]
async fn a_stopped_redis_costs_each_lookup_the_wait_and_soon_nothing() {
    let server = server(&[]).await;
    let redis = start(server.url(), impatient);
    put_once(&redis, "Accept").await;
    server.stop();
    let begun = Instant::now();
    lost(&redis).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let (begun, before) = (Instant::now(), redis.status());
    for _ in 0..1_000 {
        assert_eq!(one(&redis, 0).await, None);
    }
    assert!(begun.elapsed() < SOON, "less than one wait in ten lookups: {:?}", begun.elapsed());
    assert_eq!(redis.status().trips, before.trips);
    server.go_on();
    assert_eq!(found(&redis, 0).await, "Accept");
}

#[tokio::test]
async fn lookups_that_wait_together_wait_once() {
    let server = server(&[]).await;
    let redis = start(server.url(), impatient);
    put_once(&redis, "Accept").await;
    server.stop();
    let begun = Instant::now();
    let lookups = (0..500).map(|number| {
        let redis = redis.clone();
        async move { one(&redis, number).await }
    });
    assert!(futures_util::future::join_all(lookups).await.iter().all(Option::is_none));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    server.go_on();
    assert_eq!(found(&redis, 0).await, "Accept");
}

#[tokio::test]
async fn a_path_that_goes_silent_is_a_redis_that_is_gone() {
    let server = server(&[]).await;
    let proxy = Proxy::start(server.port).await;
    let redis = start(format!("redis://127.0.0.1:{}", proxy.port), impatient);
    put_once(&redis, "Accept").await;
    proxy.set(Path::Silent);
    lost(&redis).await;
    proxy.set(Path::Open);
    assert_eq!(found(&redis, 0).await, "Accept");
    // Connections that stand on, and lose what is sent on them.
    proxy.deafen();
    lost(&redis).await;
    assert_eq!(found(&redis, 0).await, "Accept");
}

#[tokio::test]
async fn what_waits_to_be_stored_has_a_limit() {
    let server = server(&[]).await;
    let redis = start(server.url(), |settings| {
        settings.puts_max = 10;
        settings.puts_bytes_max = 12_000;
    });
    reached(&redis, true).await;
    server.stop();
    redis.put(key(0), &entry("under way"));
    until(&redis, |status| status.trips == 1).await;
    (0..20).for_each(|number| redis.put(key(number), &entry("small")));
    assert_eq!(redis.status().dropped, 10, "by their number");
    server.go_on();
    until(&redis, |status| status.stored == 11).await;

    server.stop();
    redis.put(key(0), &entry("under way"));
    until(&redis, |status| status.trips == 3).await;
    (0..5).for_each(|number| redis.put(key(number), &entry(&"x".repeat(5_000))));
    assert_eq!(redis.status().dropped, 13, "by their bytes");
    server.go_on();
    until(&redis, |status| status.stored == 14).await;
}

#[tokio::test]
async fn lookups_that_wait_have_a_limit() {
    let server = server(&[]).await;
    let redis = start(server.url(), |settings| settings.waiting_max = 10);
    reached(&redis, true).await;
    server.stop();
    let lookups: Vec<_> = (0..100)
        .map(|number| {
            let redis = redis.clone();
            tokio::spawn(async move { one(&redis, number).await })
        })
        .collect();
    // Those under way, one that has the next turn, those that wait; the others have found nothing.
    until(&redis, |status| status.lookups == 100 && status.late >= 80).await;
    server.go_on();
    for lookup in lookups {
        assert_eq!(lookup.await.expect("no panic"), None);
    }
    assert_eq!(redis.status().failures, 0);
}
