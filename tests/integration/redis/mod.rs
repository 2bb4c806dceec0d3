//! What instances share by Redis, and that a Redis which is slow, gone, full of garbage or rolled back costs little and
//! changes no answer.

mod batches;
mod cluster;
mod garbage;
mod gone;
mod restored;
mod secured;
mod sharing;
mod stalled;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use rowcall::cache::{Entry, Epoch, Key, Label, Prefix, Proof, Seen, Tag};
use rowcall::redis::{Redis, Settings, Status};
use rowcall::wire::Payload;

const EPOCH: Epoch = Epoch(7);
const TTL: Duration = Duration::from_secs(60);

/// A time that no test reaches: what it bounds is waited for, however slow the machine.
const LONG: Duration = Duration::from_secs(20);

fn start(url: String, change: impl FnOnce(&mut Settings)) -> Redis {
    let mut settings = Settings {
        urls: vec![url],
        wait_max: LONG,
        connect_max: LONG,
        retry_max: Duration::from_millis(100),
        ..Settings::default()
    };
    change(&mut settings);
    Redis::start(settings).expect("good settings")
}

/// Waits until it is reached, or set aside.
async fn reached(redis: &Redis, wanted: bool) {
    let mut answering = redis.answering();
    let reached = answering.wait_for(|answering| *answering == wanted);
    tokio::time::timeout(LONG, reached).await.expect("in time").expect("it is held");
}

async fn connected(url: String) -> Redis {
    let redis = start(url, |_| {});
    reached(&redis, true).await;
    redis
}

async fn until(redis: &Redis, holds: impl Fn(&Status) -> bool) {
    let late = Instant::now() + LONG;
    while !holds(&redis.status()) {
        assert!(Instant::now() < late, "never true: {:?}", redis.status());
        tokio::task::yield_now().await;
    }
}

fn key(number: usize) -> Key {
    Prefix::default().with(&number.to_be_bytes()).key()
}

fn entry_for(text: &str, ttl: Duration) -> Arc<Entry> {
    let seen = Seen::of_primary("754:758:754", "758:759:").expect("Postgres says so");
    let label = Label::new(EPOCH, seen, Tag::of_get(1, text.as_bytes())).expect("it has tags");
    let (now, expires) = (SystemTime::now(), Instant::now() + ttl);
    let payload = Some(Payload::of(text.as_bytes()));
    Arc::new(Entry::new(payload, Bytes::from_static(b"aside"), Proof::Label(label), now, expires, ttl))
}

fn entry(text: &str) -> Arc<Entry> {
    entry_for(text, TTL)
}

/// Stores under keys from 0 on, and waits until Redis has them.
async fn stored(redis: &Redis, texts: &[&str]) {
    let before = redis.status().stored;
    for (number, text) in texts.iter().enumerate() {
        redis.put(key(number), &entry(text));
    }
    until(redis, |status| status.stored == before + texts.len() as u64).await;
}

fn text(entry: &Option<Entry>) -> Option<String> {
    let payload = entry.as_ref()?.payload.as_ref()?;
    String::from_utf8(payload.message().to_vec()).ok()
}

async fn one(redis: &Redis, number: usize) -> Option<String> {
    text(&redis.get(EPOCH, &[key(number)]).await[0])
}

/// Looks up in vain until it is set aside.
async fn lost(redis: &Redis) {
    let late = Instant::now() + LONG;
    while redis.status().answering {
        assert_eq!(one(redis, 0).await, None);
        assert!(Instant::now() < late, "it is asked on and on: {:?}", redis.status());
    }
}

/// Blocks only while it starts.
async fn server(arguments: &'static [&'static str]) -> crate::support::Redis {
    tokio::task::spawn_blocking(|| crate::support::Redis::start(arguments)).await.expect("it starts")
}
