//! A stock's database, followed, and a server over it that keeps answers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rowcall::cache::Epoch;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client as Plain, NoTls};
use tonic::Code;

use crate::support::{self, Answer, Client, Failure, Local, database, serve};

pub const SQL: &str = "tests/integration/cache/stock.sql";
pub const CONTRACT: &str = "tests/integration/cache/stock.proto";

/// For tests of what is kept: on a busy machine a poll may take longer than the promise allows, and then nothing is served
/// from what is kept.
pub const PATIENT: &[(&str, &str)] = &[("cache.lag_max", "30s")];

/// The promise, which is `cache.lag_max`: who asks later than this after a change was acknowledged is shown it.
const PROMISE: Duration = Duration::from_secs(1);

/// Nothing of what is waited for takes so long.
pub const LONG: Duration = Duration::from_secs(60);

pub struct Stock {
    pub url: String,
    pub local: Local,
    pub sql: Plain,
}

impl Stock {
    pub async fn open(settings: &[(&str, &str)]) -> Stock {
        let database = database(&[SQL]).await;
        migrate(&database.url).await;
        Stock::at(&database.url, settings).await
    }

    /// One more server over a database that is followed.
    pub async fn at(url: &str, settings: &[(&str, &str)]) -> Stock {
        Stock::by(CONTRACT, url, settings).await
    }

    /// The same by a contract that is elsewhere.
    pub async fn by(contract: &str, url: &str, settings: &[(&str, &str)]) -> Stock {
        // Who reads hits again keeps what it read, and would mend what a test is to find.
        let unread = [("cache.verify_one_in", "0")];
        let verifies = settings.iter().any(|(name, _)| *name == unread[0].0);
        let settings = if verifies { settings.to_vec() } else { [settings, &unread[..]].concat() };
        let local = serve(contract, url, &settings).await;
        let stock = Stock { url: url.to_owned(), local, sql: plain(url).await };
        stock.followed().await;
        stock
    }

    pub fn client(&self) -> &Client {
        &self.local.client
    }

    pub async fn execute(&self, sql: &str) {
        self.sql.batch_execute(sql).await.expect("the test's own SQL");
    }

    /// Waits until answers can be proved.
    async fn followed(&self) {
        let late = Instant::now() + LONG;
        loop {
            let got = self.get("items/1", &[("cache-control", "no-cache")]).await.expect("it is there");
            if got.said("rowcall-token").is_some() {
                return;
            }
            assert!(Instant::now() < late, "the feed never began");
        }
    }

    pub async fn get(&self, name: &str, metadata: &[(&'static str, &str)]) -> Result<Answer, Failure> {
        self.client().call_with("GetItem", json!({"name": name}), metadata).await
    }

    /// Begins a call that may take long.
    pub fn ask(
        &self,
        method: &'static str,
        request: Value,
        metadata: &[(&'static str, &str)],
    ) -> JoinHandle<Result<Answer, Failure>> {
        let client = self.client().clone();
        let metadata: Vec<(&str, String)> =
            metadata.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        tokio::spawn(async move {
            let metadata: Vec<(&str, &str)> =
                metadata.iter().map(|(key, value)| (*key, value.as_str())).collect();
            client.call_with(method, request, &metadata).await
        })
    }

    /// Returns once the calls from before have come as far as they do without the database: calls that came behind them on
    /// the same connection, one after the other, have been answered.
    pub async fn arrived(&self) {
        for _ in 0..20 {
            let failure = self.get("none", &[]).await.expect_err("no name");
            assert_eq!(failure.code, Code::InvalidArgument);
        }
    }

    /// Holds up all that reads items.
    pub async fn hold(&self) -> Plain {
        let holder = plain(&self.url).await;
        holder.batch_execute("BEGIN; LOCK TABLE item IN ACCESS EXCLUSIVE MODE").await.expect("locked");
        holder
    }

    /// Waits until so many statements of calls wait for a lock.
    pub async fn held_up(&self, statements: usize) {
        self.held_up_after(&[], statements).await;
    }

    /// The same of others than those; all that wait now.
    pub async fn held_up_after(&self, before: &[String], statements: usize) -> Vec<String> {
        let waiting = "SELECT coalesce(array_agg(concat(pid, ' since ', query_start)), '{}') FROM pg_stat_activity \
                       WHERE application_name = 'rowcall' AND wait_event_type = 'Lock' AND state = 'active' \
                       AND datname = current_database()";
        let seen = async {
            loop {
                let row = self.sql.query_one(waiting, &[]).await.expect("SQL");
                let now: Vec<String> = row.get(0);
                if now.len() == statements && !now.iter().any(|each| before.contains(each)) {
                    return now;
                }
            }
        };
        let late = format!("there are never {statements} statements that wait");
        timeout(LONG, seen).await.unwrap_or_else(|_| panic!("{late}"))
    }

    /// An item's title, and where it came from.
    pub async fn title(&self, name: &str) -> (String, String) {
        let got = self.get(name, &[]).await.expect("it is there");
        (title(&got), from(&got))
    }

    pub async fn call(&self, method: &str, request: Value) -> Answer {
        self.client().call(method, request).await.expect("it answers")
    }

    /// Asks until the answer is so; when the last one was asked for that was not.
    pub async fn until(
        &self,
        method: &str,
        request: Value,
        so: impl Fn(&Result<Answer, Failure>) -> bool,
    ) -> Option<Instant> {
        let (begun, mut other) = (Instant::now(), None);
        loop {
            let asked = Instant::now();
            let got = self.client().call(method, request.clone()).await;
            if so(&got) {
                return other;
            }
            other = Some(asked);
            let said = got.map(|got| (from(&got), got.json()));
            assert!(begun.elapsed() < LONG, "never so: {said:?}");
        }
    }

    /// The same, and nobody is answered otherwise who asks later after the change was acknowledged than was promised. How long
    /// an answer takes is another matter, and the machine's.
    pub async fn promised(
        &self,
        acknowledged: Instant,
        method: &str,
        request: Value,
        so: impl Fn(&Result<Answer, Failure>) -> bool,
    ) {
        let other = self.until(method, request, so).await;
        let after = other.map_or(Duration::ZERO, |asked| asked.saturating_duration_since(acknowledged));
        assert!(after <= PROMISE, "the old was shown to who asked {after:?} after the change");
    }

    /// Asks until nothing has to be read for it, so that what is asked for is kept.
    pub async fn kept(&self, method: &str, request: Value) -> Answer {
        let hit = |got: &Result<Answer, Failure>| got.as_ref().is_ok_and(|got| from(got).starts_with("hit"));
        self.until(method, request.clone(), hit).await;
        self.call(method, request).await
    }
}

/// `hit`, `miss`, …, without what stands behind it.
pub fn from(answer: &Answer) -> String {
    let said = answer.said("rowcall-cache").expect("it is always said");
    said.split(';').next().unwrap_or_default().to_owned()
}

pub fn title(answer: &Answer) -> String {
    answer.json()["title"].as_str().expect("a title").to_owned()
}

pub fn token(answer: &Answer) -> String {
    answer.said("rowcall-token").expect("the feed is alive").to_owned()
}

/// Of which life of the database a token is: it begins with its version, and that.
pub fn epoch(token: &str) -> Epoch {
    let bytes = URL_SAFE_NO_PAD.decode(token).expect("a token");
    Epoch(u64::from_be_bytes(bytes[1..9].try_into().expect("eight bytes")))
}

pub async fn plain(url: &str) -> Plain {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the test's own connection");
    tokio::spawn(connection);
    client
}

pub fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(CONTRACT)
}

/// `rowcall migrate`.
pub async fn migrate(url: &str) {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || support::migrate(&contract(), &url)).await.expect("it is followed");
}
