//! A Redis that is not there, dies, or comes back.

use super::*;

#[tokio::test]
async fn a_redis_that_is_not_there_delays_nobody_and_is_found_when_it_comes() {
    let mut server = server(&[]).await;
    server.kill();
    let redis = start(server.url(), |_| {});
    assert_eq!(one(&redis, 0).await, None);
    redis.put(key(0), &entry("Accept"));
    let status = redis.status();
    assert_eq!(
        (status.answering, status.lookups, status.late, status.dropped, status.trips),
        (false, 1, 0, 1, 0)
    );
    let server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = server.await.unwrap();
    reached(&redis, true).await;
    stored(&redis, &["Accept"]).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
}

#[tokio::test]
async fn a_redis_that_dies_is_set_aside_and_used_again_when_it_is_back() {
    let mut server = server(&[]).await;
    let redis = start(server.url(), |settings| settings.failures_max = 3);
    reached(&redis, true).await;
    stored(&redis, &["Accept"]).await;
    server.kill();
    lost(&redis).await;
    assert_eq!(redis.status().failures, 3);
    let trips = redis.status().trips;
    for _ in 0..1_000 {
        assert_eq!(one(&redis, 0).await, None);
    }
    assert_eq!(redis.status().trips, trips, "nothing is sent any more");
    let server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = server.await.unwrap();
    reached(&redis, true).await;
    assert_eq!(one(&redis, 0).await, None, "what it had is lost");
    stored(&redis, &["again"]).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("again"));
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    server.ask::<usize>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    let late = Instant::now() + LONG;
    while one(&redis, 0).await.is_none() {
        assert!(Instant::now() < late, "{:?}", redis.status());
    }
    assert!(redis.status().answering && redis.status().failures < 5);
}

/// As root or not, a rule of Redis' that forbids our commands is a Redis that is not there.
#[tokio::test]
async fn a_redis_that_forbids_lookups_is_set_aside() {
    let server = server(&[]).await;
    let redis = start(server.url(), |settings| settings.failures_max = 2);
    reached(&redis, true).await;
    stored(&redis, &["Accept"]).await;
    server.ask::<String>(&["ACL", "SETUSER", "default", "-getrange"]);
    lost(&redis).await;
    assert_eq!(redis.status().failures, 2);
    server.ask::<String>(&["ACL", "SETUSER", "default", "+getrange"]);
    reached(&redis, true).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
}
