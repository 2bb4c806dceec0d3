//! What is stale in Redis is served by nobody, whatever brought it back there: each process judges by what it has heard.

use rowcall::cache::{Ledger, Limits, Poll, Snapshot, Verdict, Want, Xid};

use super::*;

fn snapshot(text: &str) -> Snapshot {
    text.parse().expect("Postgres says so")
}

/// One that follows the database from before the entries were read.
fn follows() -> Ledger {
    let ledger = Ledger::new(Limits { tags_max: 1_000, xids_max: 1_000 }, Instant::now());
    ledger.reset(&ledger.ask(Instant::now()), EPOCH, snapshot("700:700:")).expect("it was just asked");
    ledger
}

fn hears(ledger: &Ledger, seen: &str, changes: &[(u64, &str)]) {
    let tags = |row: &str| Tag::touched_by_row(1, row.as_bytes()).to_vec();
    let changes = changes.iter().map(|(xid, row)| (Xid(*xid), tags(row))).collect();
    let poll = Poll { asked: ledger.ask(Instant::now()), snapshot: snapshot(seen), changes };
    ledger.heard(poll).expect("it follows the last one");
}

async fn judged(redis: &Redis, ledger: &Ledger, number: usize) -> Option<Verdict> {
    let found = redis.get(EPOCH, &[key(number)]).await;
    let want = Want { max_lag: LONG, token: None };
    found[0].as_ref().map(|entry| ledger.judge(entry.label().unwrap(), want, Instant::now()))
}

#[tokio::test]
async fn an_old_dump_that_is_restored_makes_nothing_stale() {
    let mut server = server(&[]).await;
    let redis = connected(server.url()).await;
    let ledger = follows();
    stored(&redis, &["Accept", "Balls"]).await;
    server.ask::<String>(&["SAVE"]);
    assert_eq!(judged(&redis, &ledger, 0).await, Some(Verdict::Good));

    // Another writes the first row, and what is read after that is stored.
    hears(&ledger, "760:760:", &[(758, "Accept")]);
    assert_eq!(judged(&redis, &ledger, 0).await, Some(Verdict::Stale));
    let seen = Seen::of_primary("760:760:", "760:760:").expect("Postgres says so");
    let label = Label::new(EPOCH, seen, Tag::of_get(1, b"Accept")).expect("it has tags");
    let (now, expires) = (SystemTime::now(), Instant::now() + TTL);
    let payload = Some(Payload::of(b"Accept, rewritten"));
    let newer = Entry::new(payload, Bytes::new(), Proof::Label(label), now, expires, TTL);
    redis.put(key(0), &Arc::new(newer));
    until(&redis, |status| status.stored == 3).await;
    assert_eq!(judged(&redis, &ledger, 0).await, Some(Verdict::Good));

    // Redis begins again with what it had saved.
    server.kill();
    lost(&redis).await;
    let server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = server.await.unwrap();
    reached(&redis, true).await;
    assert_eq!(one(&redis, 0).await.as_deref(), Some("Accept"), "the old one is back");
    assert_eq!(judged(&redis, &ledger, 0).await, Some(Verdict::Stale));
    assert_eq!(judged(&redis, &ledger, 1).await, Some(Verdict::Good), "and what did not change is of use");
}
