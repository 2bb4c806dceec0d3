//! Standbys: which of them a read goes to, and what becomes of reads when they go; one file per promise.

mod choice;
mod gone;
mod hosts;
mod lag;
mod promoted;
mod readers;
mod roles;

use std::time::{Duration, Instant};

use rowcall::postgres::{
    Error, Miss, Mode, Replicas, Role, Server, Servers, Session, Settings, Standby, State, Want,
};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use crate::support::Cluster;
use crate::support::session::{run, want};

/// What a test waits for on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A standby whose looks have gone wrong is looked at again by then, unless its watch has a longer interval.
const LOOKED: Duration = Duration::from_secs(10);
/// For a standby that is to be passed over. The others have `PATIENCE`, so that where a read goes is not the machine's affair.
const SOON: Duration = Duration::from_millis(500);
/// Connections at most to each server.
const CONNECTIONS: u32 = 4;
/// A second, in which the watch notices what a standby has become, and half of one for a busy machine.
const NOTICED: Duration = Duration::from_millis(1_500);

/// A primary with a table of numbers, and standbys of it.
struct Own {
    primary: Cluster,
    standbys: Vec<Cluster>,
}

impl Own {
    async fn start(standbys: usize) -> Own {
        let made = tokio::task::spawn_blocking(move || {
            let primary = Cluster::start(&[]);
            primary.psql("postgres", &["-c", "CREATE TABLE number AS SELECT 1 AS n"]);
            let standbys = (0..standbys).map(|_| primary.standby()).collect();
            Own { primary, standbys }
        });
        made.await.expect("Postgres starts")
    }

    fn servers(&self, change: impl Fn(&mut Replicas)) -> Servers {
        let urls = self.standbys.iter().map(|standby| standby.url("postgres"));
        servers(&self.primary.url("postgres"), urls, change)
    }

    /// The same, once all standbys are ready. Where nobody looks a second time the first look has to be a good one.
    async fn ready(&self, change: impl Fn(&mut Replicas)) -> Servers {
        let late = Instant::now() + PATIENCE;
        loop {
            let servers = self.servers(&change);
            let all = async {
                for standby in servers.standbys() {
                    becomes(standby, State::Ready).await;
                }
            };
            if timeout(LOOKED, all).await.is_ok() {
                return servers;
            }
            assert!(Instant::now() < late, "they are never ready");
        }
    }
}

fn servers(primary: &str, standbys: impl Iterator<Item = String>, change: impl Fn(&mut Replicas)) -> Servers {
    let settings =
        |url: String, role| Settings { url, role, connections_max: CONNECTIONS, ..Settings::default() };
    let mut replicas = Replicas {
        standbys: standbys.map(|url| settings(url, Role::Standby)).collect(),
        patience: PATIENCE,
        watch_interval: Duration::from_millis(50),
        lag_max: Duration::from_secs(10),
    };
    change(&mut replicas);
    Servers::new(settings(primary.to_owned(), Role::Primary), replicas).expect("the URLs are good")
}

async fn becomes(standby: &Standby, state: State) {
    let mut states = standby.states();
    let became = timeout(PATIENCE, states.wait_for(|now| *now == state)).await;
    let now = *standby.states().borrow();
    became.unwrap_or_else(|_| panic!("never {state:?}, but {now:?}")).expect("it is watched");
}

/// A connection, also when the watch of reachability has the last one for a moment.
async fn session(standby: &Standby, mode: Mode) -> Session {
    let late = Instant::now() + PATIENCE;
    loop {
        match standby.session(want(mode)).await {
            Ok(session) => return session,
            Err(Error::Busy) if Instant::now() < late => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A plain connection of a superuser.
async fn client(cluster: &Cluster) -> Client {
    let (client, connection) =
        tokio_postgres::connect(&cluster.url("postgres"), NoTls).await.expect("it runs");
    tokio::spawn(connection);
    client
}

async fn execute(cluster: &Cluster, sql: &str) {
    client(cluster).await.batch_execute(sql).await.expect("the test's own SQL");
}

/// Asks a server again and again, until it says so.
async fn until(cluster: &Cluster, sql: &str) {
    let client = client(cluster).await;
    let asked =
        async { while !client.query_one(sql, &[]).await.expect("the test's own SQL").get::<_, bool>(0) {} };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("never true: {sql}"));
}

/// What a read saw, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    text: String,
    /// What the server said it was.
    standby: bool,
    server: usize,
}

/// Runs a statement with one column of text at one server.
async fn ask(server: Server, sql: &str) -> Result<Answer, Miss<Error>> {
    ask_with(server, sql, want(Mode::Single)).await
}

async fn ask_with(server: Server, sql: &str, want: Want) -> Result<Answer, Miss<Error>> {
    let mut session = server.session(want).await?;
    let rows = run(&mut session, sql, &[25]).await?;
    let text = rows.first().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    // The primary was not asked what it is.
    let standby = session.seen().is_some_and(|seen| seen.standby);
    Ok(Answer { text, standby, server: server.id() })
}

/// Reads wherever reads go.
async fn read(servers: &Servers, sql: &str) -> Result<Answer, Miss<Error>> {
    read_within(servers, sql, PATIENCE).await
}

async fn read_within(servers: &Servers, sql: &str, time: Duration) -> Result<Answer, Miss<Error>> {
    let deadline = Instant::now() + time;
    let asked = |server| ask_with(server, sql, Want { deadline, ..want(Mode::Single) });
    servers.read(deadline, |_| true, asked).await
}

/// Reads until a standby answers.
async fn comes_to_standby(servers: &Servers) {
    let late = Instant::now() + PATIENCE;
    while !read(servers, COUNT).await.unwrap().standby {
        assert!(Instant::now() < late, "it is never read");
    }
}

const COUNT: &str = "SELECT count(*)::text FROM number";
