//! Whatever is under our keys, it is an entry of ours or nothing.

use redis::Commands as _;

use super::*;

/// The only key there is, in Redis' words.
fn name(server: &crate::support::Redis) -> String {
    let names: Vec<String> = server.ask(&["KEYS", "*"]);
    assert_eq!(names.len(), 1);
    names[0].clone()
}

#[tokio::test]
async fn a_foreign_or_damaged_value_is_a_miss() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    let (name, mut client) = (name(&server), server.connect());
    let whole: Vec<u8> = client.get(&name).unwrap();
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    let values =
        [b"garbage".to_vec(), vec![0; 3], vec![0xff; 10_000], flipped, whole[..whole.len() - 1].to_vec()];
    for (number, value) in values.iter().enumerate() {
        client.set::<_, _, ()>(&name, value).unwrap();
        assert_eq!(one(&redis, 0).await, None, "{value:?}");
        assert_eq!(redis.status().unreadable, number as u64 + 1);
    }
    client.set::<_, _, ()>(&name, &whole).unwrap();
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
    assert!(redis.status().answering && redis.status().failures == 0);
}

#[tokio::test]
async fn a_value_under_anothers_key_is_a_miss() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    let first = name(&server);
    stored(&redis, &["Accept", "Balls"]).await;
    let names: Vec<String> = server.ask(&["KEYS", "*"]);
    let second = names.iter().find(|name| **name != first).unwrap();
    server.ask::<bool>(&["COPY", &first, second, "REPLACE"]);
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"));
    assert_eq!(one(&redis, 1).await, None);
}

#[tokio::test]
async fn a_value_that_is_no_text_is_a_miss_and_its_neighbours_are_found() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    let name = name(&server);
    stored(&redis, &["Accept", "Balls"]).await;
    server.ask::<usize>(&["DEL", &name]);
    server.ask::<usize>(&["RPUSH", &name, "one", "two"]);
    let found = redis.get(EPOCH, &[key(0), key(1)]).await;
    assert_eq!(found.iter().map(text).collect::<Vec<_>>(), [None, Some("Balls".into())]);
    assert!(redis.status().answering && redis.status().failures == 0);
}

/// Redis itself counts what it sends.
#[tokio::test]
async fn a_huge_value_is_not_sent() {
    let server = server(&[]).await;
    let redis = connected(server.url()).await;
    stored(&redis, &["Accept"]).await;
    let name = name(&server);
    server.connect().setrange::<_, _, usize>(&name, 64 << 20, "end").unwrap();
    let sent = || {
        let stats: String = server.ask(&["INFO", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        line.and_then(|bytes| bytes.trim().parse::<usize>().ok()).expect("Redis counts")
    };
    let before = sent();
    assert_eq!(one(&redis, 0).await, None);
    assert_eq!(redis.status().unreadable, 1);
    assert!(sent() - before < 1 << 20);
}
