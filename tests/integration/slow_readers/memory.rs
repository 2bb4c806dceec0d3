//! A million rows to a caller who stops again and again, and a hundred callers who stop for good.

use super::slow;

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_of_a_million_rows_holds_no_connection_and_little_memory() {
    const ROWS: i64 = 1_000_000;
    let slow = slow(ROWS, &[]).await;
    let mut reader = slow.connect().await;
    // What serving takes at all is there before.
    let mut warm = reader.stream().await;
    for _ in 0..10 {
        assert!(warm.next().await);
    }
    drop(warm);
    slow.at_rest().await;
    let before = slow.served.resident_bytes();
    let (mut chunks, mut most) = (reader.stream().await, 0);
    for chunk in 1.. {
        if !chunks.next().await {
            break;
        }
        if chunk % 25 == 0 {
            // It reads on only when the server has stopped for it.
            slow.at_rest().await;
            most = most.max(slow.served.resident_bytes());
        }
    }
    assert_eq!(chunks.read, ROWS);
    let grown = most.saturating_sub(before);
    assert!(grown < 32 * MIB, "memory grew by {grown} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_stopped_reading_take_up_no_more_than_the_limit() {
    let settings = [("stream.ahead_total_bytes", "16MiB")];
    let slow = slow(100_000, &settings).await;
    let mut warm = slow.connect().await.stream().await;
    while warm.next().await {}
    slow.at_rest().await;
    let before = slow.served.resident_bytes();
    let mut stopped = Vec::new();
    for _ in 0..10 {
        let mut reader = slow.connect().await;
        for _ in 0..10 {
            let mut chunks = reader.stream().await;
            // Fast at first, so that it is read ahead for.
            for _ in 0..10 {
                assert!(chunks.next().await);
            }
            stopped.push(chunks);
        }
    }
    slow.at_rest().await;
    let grown = slow.served.resident_bytes().saturating_sub(before);
    assert!(grown < 80 * MIB, "memory grew by {grown} bytes");
    // Whoever reads on gets the rest.
    for mut chunks in stopped.into_iter().step_by(10) {
        while chunks.next().await {}
        assert_eq!(chunks.read, 100_000);
    }
}
