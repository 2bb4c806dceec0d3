//! What one instance stores, another finds, as it was.

use super::*;

#[tokio::test]
async fn what_one_stores_another_finds() {
    let server = server(&[]).await;
    let (one, other) = (connected(server.url()).await, connected(server.url()).await);
    stored(&one, &["Accept", "Balls"]).await;
    let mut missing = Arc::into_inner(entry("none")).expect("ours alone");
    missing.payload = None;
    one.put(key(2), &Arc::new(missing));
    until(&one, |status| status.stored == 3).await;

    let found = other.get(EPOCH, &[key(1), key(9), key(0), key(2)]).await;
    assert_eq!(
        found.iter().map(text).collect::<Vec<_>>(),
        [Some("Balls".into()), None, Some("Accept".into()), None]
    );
    assert!(found[1].is_none(), "nobody stored it");
    assert!(found[3].as_ref().is_some_and(|entry| entry.payload.is_none()), "there is no such row");
    let (found, meant) = (found[0].as_ref().unwrap(), entry("Balls"));
    let label =
        |entry: &Entry| (entry.label().unwrap().seen().clone(), entry.label().unwrap().tags().to_vec());
    assert_eq!((label(found), &found.aside), (label(&meant), &meant.aside));
    let status = other.status();
    assert_eq!((status.lookups, status.hits, status.unreadable, status.failures), (4, 3, 0, 0));
}

#[tokio::test]
async fn redis_keeps_an_entry_for_as_long_as_it_lives() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    redis.put(key(0), &entry("sixty"));
    redis.put(key(1), &entry_for("expired", Duration::ZERO));
    until(&redis, |status| status.stored == 1 && status.dropped == 1).await;
    let names: Vec<String> = server.ask(&["KEYS", "*"]);
    let left: u128 = server.ask(&["PTTL", &names[0]]);
    assert_eq!(names.len(), 1);
    assert!(left > 0 && left <= TTL.as_millis(), "{left}");
    let found = redis.get(EPOCH, &[key(0)]).await;
    assert!(found[0].as_ref().unwrap().expires <= Instant::now() + TTL);
}

#[tokio::test]
async fn another_life_of_the_database_and_another_prefix_find_nothing() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    assert!(redis.get(Epoch(8), &[key(0)]).await[0].is_none());
    let other = start(server.url(), |settings| settings.prefix = "other".to_owned());
    reached(&other, true).await;
    assert_eq!(one(&other, 0).await, None);
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
}

#[tokio::test]
async fn what_cannot_be_proved_or_is_too_large_is_not_shared() {
    let server = server(&[]).await;
    let redis = start(server.url(), |settings| settings.entry_bytes_max = 2_000);
    reached(&redis, true).await;
    let now = Instant::now() + TTL;
    let payload = Some(Payload::of(b"five seconds"));
    let allowed = Entry::new(payload, Bytes::new(), Proof::TimeToLive, SystemTime::now(), now, TTL);
    redis.put(key(0), &Arc::new(allowed));
    redis.put(key(1), &entry(&"x".repeat(2_000)));
    assert_eq!(redis.status().dropped, 2);
    stored(&redis, &["small"]).await;
    assert_eq!(server.ask::<usize>(&["DBSIZE"]), 1);
}

#[tokio::test]
async fn after_a_flush_nothing_is_found_and_all_goes_on() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    server.ask::<String>(&["FLUSHALL"]);
    assert_eq!(one(&redis, 0).await, None);
    stored(&redis, &["again"]).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("again"));
    assert_eq!(redis.status().failures, 0);
}

#[tokio::test]
async fn a_redis_that_takes_nothing_more_is_still_asked() {
    let server = server(&["--maxmemory-policy", "noeviction"]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    server.ask::<String>(&["CONFIG", "SET", "maxmemory", "1"]);
    redis.put(key(1), &entry("Balls"));
    until(&redis, |status| status.refused == 1).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
    assert!(redis.status().answering);
}
