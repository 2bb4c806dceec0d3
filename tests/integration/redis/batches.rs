//! Lookups that come together go together; nothing waits when nothing is under way.

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::*;
use crate::support::{Path, Proxy};

fn asks(redis: &Redis, number: usize) -> JoinHandle<Option<String>> {
    let redis = redis.clone();
    tokio::spawn(async move { one(&redis, number).await })
}

/// Of keys 0 and 1, each by itself, as many as may be.
async fn two_under_way(redis: &Redis) -> Vec<JoinHandle<Option<String>>> {
    let mut lookups = Vec::new();
    for number in [0, 1] {
        let trips = redis.status().trips;
        lookups.push(asks(redis, number));
        until(redis, |status| status.trips == trips + 1).await;
    }
    lookups
}

#[tokio::test]
async fn lookups_that_come_while_others_are_under_way_share_a_round_trip() {
    let server = server(&[]).await;
    let proxy = Proxy::start(server.port).await;
    let redis = connected(format!("redis://127.0.0.1:{}", proxy.port)).await;
    let texts: Vec<String> = (0..60).map(|number| format!("row {number}")).collect();
    stored(&redis, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (trips, calls) = (redis.status().trips, server.calls("getrange"));

    // Two are under way, and are not answered; the others wait.
    proxy.set(Path::Mute);
    let mut lookups = two_under_way(&redis).await;
    lookups.extend((2..60).map(|number| asks(&redis, number)));
    until(&redis, |status| status.lookups == 60).await;
    assert_eq!(redis.status().trips, trips + 2);
    proxy.set(Path::Open);

    let found: Vec<_> = join_all(lookups).await.into_iter().map(|found| found.expect("no panic")).collect();
    assert_eq!(found, texts.into_iter().map(Some).collect::<Vec<_>>());
    assert_eq!(redis.status().trips, trips + 3);
    assert_eq!(server.calls("getrange") - calls, 60);
}

#[tokio::test]
async fn a_round_trip_has_at_most_so_many_keys() {
    let server = server(&[]).await;
    let redis = start(server.url(), |settings| settings.batch_max = 10);
    reached(&redis, true).await;
    let before = redis.status().trips;
    let keys: Vec<Key> = (0..95).map(key).collect();
    let found = redis.get(EPOCH, &keys).await;
    assert_eq!(found.len(), 95);
    assert_eq!(redis.status().trips - before, 10);
}

#[tokio::test]
async fn what_is_stored_together_goes_in_one_pipeline() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    server.stop();
    redis.put(key(0), &entry("first"));
    until(&redis, |status| status.trips == 1).await;
    (1..50).for_each(|number| redis.put(key(number), &entry("further")));
    server.go_on();
    until(&redis, |status| status.stored == 50).await;
    assert_eq!(redis.status().trips, 2);
    assert_eq!(server.calls("set"), 50);
}

#[tokio::test]
async fn who_leaves_disturbs_nobody() {
    let server = server(&[]).await;
    let proxy = Proxy::start(server.port).await;
    let redis = connected(format!("redis://127.0.0.1:{}", proxy.port)).await;
    stored(&redis, &["Accept"]).await;
    let trips = redis.status().trips;
    proxy.set(Path::Mute);
    let first = two_under_way(&redis).await;
    let lookups: Vec<_> = (0..20).map(|_| asks(&redis, 0)).collect();
    until(&redis, |status| status.lookups == 22).await;
    let (leaves, stays): (Vec<_>, Vec<_>) = lookups.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
    for (_, lookup) in leaves {
        lookup.abort();
        assert!(lookup.await.expect_err("it left").is_cancelled());
    }
    proxy.set(Path::Open);
    for (_, lookup) in stays {
        assert_eq!(lookup.await.expect("no panic").as_deref(), Some("Accept"));
    }
    let found = join_all(first).await.into_iter().map(|found| found.expect("no panic"));
    assert_eq!(found.collect::<Vec<_>>(), [Some("Accept".to_owned()), None]);
    let status = redis.status();
    assert_eq!((status.trips - trips, status.failures), (3, 0));
}
