//! A caller who takes nothing for too long is told so when he reads on, and goes on from his last chunk.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tonic::Code;

use crate::errors_shop::{Shop, shop};
use crate::support::json as json_of;

/// Larger than what a connection carries ahead, and what the server has made by then.
const ROWS: i64 = 300_000;

async fn wide(settings: &[(&str, &str)]) -> Shop {
    let shop = shop(settings).await;
    let fill =
        format!("INSERT INTO thing SELECT n, repeat('x', 100) FROM generate_series(2001, {ROWS}) AS n");
    shop.database.execute(&fill).await;
    shop
}

fn ids(chunk: &Value) -> impl Iterator<Item = i64> {
    let things = chunk["things"].as_array().cloned().unwrap_or_default();
    things.into_iter().map(|thing| {
        let name = thing["name"].as_str().and_then(|name| name.strip_prefix("things/")).map(str::to_owned);
        name.and_then(|id| id.parse().ok()).expect("a name with its id")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_stream_says_so_and_is_gone_on_with() {
    let shop = wide(&[("stream.stall_max", "1s")]).await;
    let order = "name";
    let ask = |token: &str| json!({"chunk_size": 1000, "order_by": order, "resume_token": token});
    let mut chunks = shop.client.stream("StreamThings", ask("")).await.expect("it begins");
    let mut seen: Vec<i64> = Vec::new();
    let first = json_of(&chunks.next().await.expect("a chunk").expect("a chunk"));
    seen.extend(ids(&first));
    let mut token = first["resume_token"].as_str().expect("a token").to_owned();
    // Others are answered while this one takes nothing.
    let stalled = Instant::now();
    while stalled.elapsed() < Duration::from_secs(5) {
        shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("its row");
    }
    let failure = loop {
        match chunks.next().await {
            Ok(Some(chunk)) => {
                let chunk = json_of(&chunk);
                seen.extend(ids(&chunk));
                token = chunk["resume_token"].as_str().expect("a token").to_owned();
            }
            Ok(None) => panic!("the stream is whole after {} rows", seen.len()),
            Err(failure) => break failure,
        }
    };
    assert_eq!((failure.code, failure.reason.as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    assert!(failure.message.starts_with("nothing of the stream was taken for 1s"), "{}", failure.message);
    let before = seen.len();
    let mut chunks = shop.client.stream("StreamThings", ask(&token)).await.expect("it goes on");
    while let Some(chunk) = chunks.next().await.expect("a chunk, or the end") {
        seen.extend(ids(&json_of(&chunk)));
    }
    assert!(before < seen.len());
    assert_eq!(seen.len() as i64, ROWS);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len() as i64, ROWS, "every row once");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_there_may_be_are_overloaded_until_one_ends() {
    let shop = shop(&[("stream.streams_max", "2")]).await;
    shop.widen().await;
    let ask = || json!({"chunk_size": 1});
    let mut first = shop.client.stream("StreamThings", ask()).await.expect("it begins");
    let second = shop.client.stream("StreamThings", ask()).await.expect("it begins");
    let Err(failure) = shop.client.stream("StreamThings", ask()).await else { panic!("a third stream") };
    assert_eq!((failure.code, failure.reason.as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    assert_eq!(failure.info["streams_max"], "2");
    // Other calls are none of these, and streams under way go on.
    shop.client.call("GetThing", json!({"name": "things/1"})).await.expect("its row");
    assert!(first.next().await.expect("a chunk").is_some());
    drop(second);
    let late = Instant::now() + Duration::from_secs(10);
    while shop.client.stream("StreamThings", ask()).await.is_err() {
        assert!(Instant::now() < late, "the place is never free");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_share_streams_are_whole_and_functions_are_refused() {
    let shop = shop(&[("stream.ahead_total_bytes", "0")]).await;
    let mut chunks = shop.client.stream("StreamThings", json!({"chunk_size": 300})).await.expect("it begins");
    let mut rows = 0;
    while let Some(chunk) = chunks.next().await.expect("a chunk, or the end") {
        rows += ids(&json_of(&chunk)).count();
    }
    assert_eq!(rows, 2_000);
    let Err(failure) = shop.client.stream("StreamLines", json!({"count": 10, "width": 10})).await else {
        panic!("its rows are kept nowhere")
    };
    assert_eq!((failure.code, failure.reason.as_str()), (Code::ResourceExhausted, "OVERLOADED"));
}
