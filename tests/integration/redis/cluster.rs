//! A cluster, of one node that has all slots: what goes to it goes by the slots of its keys.

use rowcall::redis::Kind;

use super::*;

#[tokio::test]
async fn a_cluster_is_asked_by_slots() {
    let server = server(&["--cluster-enabled", "yes"]).await;
    server.ask::<String>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let late = Instant::now() + LONG;
    while !server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        assert!(Instant::now() < late, "the cluster is not made");
        tokio::task::yield_now().await;
    }
    let redis = start(server.url(), |settings| {
        settings.kind = Kind::Cluster;
        // One that is there is enough.
        settings.urls.insert(0, format!("redis://127.0.0.1:{}", crate::support::free_port()));
    });
    reached(&redis, true).await;
    let texts: Vec<String> = (0..50).map(|number| format!("row {number}")).collect();
    stored(&redis, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let found = redis.get(EPOCH, &(0..51).map(key).collect::<Vec<_>>()).await;
    let expected: Vec<Option<String>> = texts.into_iter().map(Some).chain([None]).collect();
    assert_eq!(found.iter().map(text).collect::<Vec<_>>(), expected);
    assert_eq!(redis.status().failures, 0);
}

#[tokio::test]
async fn a_cluster_that_is_down_is_set_aside() {
    let server = server(&["--cluster-enabled", "yes"]).await;
    server.ask::<String>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let redis = start(server.url(), |settings| {
        settings.kind = Kind::Cluster;
        settings.failures_max = 2;
        settings.connect_max = Duration::from_secs(2);
        settings.wait_max = Duration::from_millis(200);
    });
    reached(&redis, true).await;
    server.kill();
    let begun = Instant::now();
    lost(&redis).await;
    assert!(begun.elapsed() < LONG);
    assert_eq!(one(&redis, 0).await, None);
}
