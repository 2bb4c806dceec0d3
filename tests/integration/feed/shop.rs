//! A shop's database, followed; what was kept before a change, judged after it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rowcall::cache::{Label, Seen, Tag, Verdict, Want};
use rowcall::feed::{Feed, Mode, Why};
use rowcall::load;
use rowcall::plan::{Plans, Resource};
use rowcall::postgres::{Access, Postgres};
use rowcall::upkeep::feed::{Follow, Settings};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use crate::support::session::postgres;
use crate::support::{Database, database, rowcall};

pub const SQL: &str = "tests/integration/feed/shop.sql";

/// The shop's contract, which is alone in its folder.
pub fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/feed/shop.proto")
}

/// Nothing of what is waited for takes so long.
pub const LONG: Duration = Duration::from_secs(60);

/// Where no poll is heard, the feed is looked at as often: what it says may be that none is.
const UNHEARD: Duration = Duration::from_millis(50);

/// A process that follows the shop.
pub struct Shop {
    pub url: String,
    pub feed: Feed,
    pub plans: Arc<Mutex<Arc<Plans>>>,
    /// How often DDL was met.
    pub ddl: Arc<AtomicU32>,
    pub client: Client,
    following: JoinHandle<()>,
}

/// Something kept, by a name.
pub type Kept = (&'static str, Label);

async fn read_again(url: String, into: Arc<Mutex<Arc<Plans>>>) {
    let reading = postgres(&url, |_| {});
    let new = Arc::new(plans(&reading).await);
    let mut now = into.lock().expect("no panic");
    // A server makes one after the other; here the older may come last.
    if now.read_at < new.read_at {
        *now = new;
    }
}

impl Shop {
    pub async fn open() -> Shop {
        let database = database(&[SQL]).await;
        migrate(&database.url, &[]).await;
        Shop::at(&database.url, |_| {}).await
    }

    /// In a database that others have prepared.
    pub async fn at(url: &str, change: impl FnOnce(&mut Settings)) -> Shop {
        let shop = Shop::unheard(url, change).await;
        shop.heard().await;
        // Others' transactions that have not ended may keep it from being proved that the plans know the tables.
        let reloading = Mode::Untracked(Why::Reloading);
        shop.until("plans that know the tables", |feed| {
            feed.following().iter().all(|(_, mode)| mode != reloading)
        })
        .await;
        shop
    }

    /// The same, without waiting for the feed.
    pub async fn unheard(url: &str, change: impl FnOnce(&mut Settings)) -> Shop {
        Shop::planned(url, "", change).await
    }

    /// The same with what is done after the plans were made, and before the feed asks.
    pub async fn planned(url: &str, sql: &str, change: impl FnOnce(&mut Settings)) -> Shop {
        let mut settings = Settings::default();
        change(&mut settings);
        let writing = postgres(url, |settings| {
            settings.access = Access::ReadWrite;
            (settings.connections_max, settings.connections_min) = (1, 0);
        });
        let plans = Arc::new(Mutex::new(Arc::new(plans(&writing).await)));
        let client = connect(url).await;
        client.batch_execute(sql).await.expect(sql);
        let feed = Feed::new(Default::default(), Instant::now());
        let ddl = Arc::new(AtomicU32::new(0));
        let (of, met) = (plans.clone(), ddl.clone());
        let (at, again) = (url.to_owned(), plans.clone());
        let follow = Follow {
            feed: feed.clone(),
            postgres: writing,
            settings,
            plans: Box::new(move || of.lock().expect("no panic").clone()),
            met_ddl: Box::new(move || {
                met.fetch_add(1, Ordering::SeqCst);
                // As a server does: the plans are made anew from what the catalog has now.
                tokio::spawn(read_again(at.clone(), again.clone()));
            }),
        };
        let following = tokio::spawn(follow.run());
        Shop { url: url.to_owned(), feed, plans, ddl, client, following }
    }

    /// As a reload does.
    pub async fn reload(&self) {
        read_again(self.url.clone(), self.plans.clone()).await;
    }

    /// Waits for a poll from after this moment.
    pub async fn heard(&self) {
        timeout(LONG, self.feed.polled()).await.expect("the feed is alive");
    }

    /// Waits until the feed says so.
    pub async fn until(&self, what: &str, so: impl Fn(&Feed) -> bool) {
        let said = async {
            while !so(&self.feed) {
                let _ = timeout(UNHEARD, self.feed.polled()).await;
            }
        };
        if timeout(LONG, said).await.is_err() {
            let (status, following) = (self.feed.status(Instant::now()), self.feed.following());
            panic!("never: {what}; {status:?} {following:?}");
        }
    }

    pub async fn oid(&self, table: &str) -> u32 {
        let row = self.client.query_one("SELECT $1::text::regclass::oid", &[&table]).await;
        row.expect("there is such a table").get(0)
    }

    pub async fn mode(&self, table: &str) -> Mode {
        *self.feed.following().mode(self.oid(table).await)
    }

    pub async fn until_mode(&self, table: &str, mode: Mode) {
        let oid = self.oid(table).await;
        self.until(table, |feed| *feed.following().mode(oid) == mode).await;
    }

    pub async fn until_untracked(&self, table: &str, why: Why) {
        self.until_mode(table, Mode::Untracked(why)).await;
    }

    /// An answer that is read now, and depends on these.
    pub async fn keep(&self, name: &'static str, tags: impl Into<Vec<Tag>>) -> Kept {
        let row = self.client.query_one("SELECT pg_current_snapshot()::text", &[]).await.expect("a snapshot");
        let text: &str = row.get(0);
        let seen = Seen::of_primary(text, text).expect("Postgres says so");
        let epoch = self.feed.ledger().epoch().expect("the feed is alive");
        (name, Label::new(epoch, seen, tags.into()).expect("it has tags"))
    }

    pub fn resource(&self, message: &str) -> Resource {
        let plans = self.plans.lock().expect("no panic");
        plans
            .resources
            .iter()
            .find(|resource| resource.message.name() == message)
            .expect("a resource")
            .clone()
    }

    /// An answer to a Get by an `int8` key.
    pub async fn get(&self, name: &'static str, message: &str, id: i64) -> Kept {
        let key = [Bytes::copy_from_slice(&id.to_be_bytes())];
        self.keep(name, self.resource(message).get_tags(&key)).await
    }

    pub async fn list(&self, name: &'static str, message: &str) -> Kept {
        self.keep(name, self.resource(message).depends.list_tags().collect::<Vec<_>>()).await
    }

    /// A List that an `int4` part narrows.
    pub async fn part(&self, name: &'static str, message: &str, value: i32) -> Kept {
        self.keep(name, self.resource(message).depends.parts[0].tags(&value.to_be_bytes())).await
    }

    pub fn verdict(&self, kept: &Kept) -> Verdict {
        let now = Instant::now();
        self.feed.ledger().judge(&kept.1, Want { max_lag: LONG, token: None }, now)
    }

    /// The names of what may not be served any more.
    pub fn stale(&self, all: &[Kept]) -> Vec<&'static str> {
        all.iter().filter(|kept| self.verdict(kept) != Verdict::Good).map(|(name, _)| *name).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.following.abort();
    }
}

pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the test's own connection");
    tokio::spawn(connection);
    client
}

async fn plans(postgres: &Postgres) -> Plans {
    let contract = load::contract(vec![contract()]).await.expect("a contract");
    let loaded = load::plans(contract, postgres).await.expect("a database");
    loaded.plans
}

/// `rowcall migrate`, which has to succeed: what it printed.
pub async fn migrate(url: &str, line: &[&str]) -> String {
    let (code, out, error) = try_migrate(url, line).await;
    assert_eq!(code, 0, "{out}{error}");
    out
}

/// Exit code, output and errors.
pub async fn try_migrate(url: &str, line: &[&str]) -> (i32, String, String) {
    let mut command = rowcall();
    command.arg("migrate").args(line).env("DATABASE_URL", url);
    if !line.contains(&"--down") {
        command.arg("--contract").arg(contract());
    }
    let run = move || command.output().expect("rowcall starts");
    let output = tokio::task::spawn_blocking(run).await.expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

/// A shop that nobody follows.
pub async fn unfollowed() -> Database {
    database(&[SQL]).await
}
