//! A standby that dies, hangs or restarts costs no read, and is read again when it is back.

use std::time::{Duration, Instant};

use rowcall::postgres::{Elsewhere, Failure as _, Replicas, State};
use tokio::time::timeout;

use super::readers::Readers;
use super::{
    Answer, COUNT, NOTICED, Own, PATIENCE, SOON, becomes, client, comes_to_standby, execute, read,
    read_within,
};
use crate::support::{Path, Proxy, free_port};

fn at_standby(answer: &Answer) -> bool {
    answer.standby
}

fn at_primary(answer: &Answer) -> bool {
    !answer.standby
}

/// Reads at the standby, then does it, then reads at the primary: no read fails.
async fn loses(own: &mut Own, readers: &Readers, servers: &rowcall::postgres::Servers, fault: fn(&mut Own)) {
    readers.see(Instant::now(), 100, at_standby).await;
    let held = client(&own.standbys[0]).await;
    let stays = tokio::spawn(async move { held.batch_execute("SELECT pg_sleep(600)").await });
    fault(own);
    // `pg_ctl` takes its time; the server is gone when its connections are.
    timeout(PATIENCE, stays).await.expect("it goes").unwrap().unwrap_err();
    let begun = Instant::now();
    becomes(&servers.standbys()[0], State::Down).await;
    assert!(begun.elapsed() < NOTICED, "noticed after {:?}", begun.elapsed());
    readers.see(Instant::now(), 100, at_primary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_dies_or_restarts_costs_no_read() {
    let mut own = Own::start(1).await;
    let servers = own.ready(|replicas| replicas.patience = SOON).await;
    let readers = Readers::start(&servers);
    for fault in [
        (|own: &mut Own| own.standbys[0].control("stop")) as fn(&mut Own),
        |own: &mut Own| own.standbys[0].control("stop -m fast"),
        |own: &mut Own| own.standbys[0].kill(),
    ] {
        loses(&mut own, &readers, &servers, fault).await;
        own.standbys[0].control("start");
        becomes(&servers.standbys()[0], State::Ready).await;
        readers.see(Instant::now(), 100, at_standby).await;
    }
    readers.all_well(PATIENCE / 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_hangs_costs_no_read_more_than_patience() {
    let own = Own::start(1).await;
    let servers = own.ready(|replicas| replicas.patience = SOON).await;
    let readers = Readers::start(&servers);
    readers.see(Instant::now(), 100, at_standby).await;
    let begun = Instant::now();
    let frozen = own.standbys[0].freeze();
    becomes(&servers.standbys()[0], State::Down).await;
    assert!(begun.elapsed() < NOTICED, "noticed after {:?}", begun.elapsed());
    let noticed = Instant::now();
    readers.see(noticed, 200, at_primary).await;
    // Only those that were under way waited, and only for patience.
    let meanwhile =
        readers.reads().into_iter().filter(|read| read.sent < noticed && read.sent + read.took > begun);
    let slow = meanwhile.filter(|read| read.took > Duration::from_millis(450)).count();
    assert!(slow <= 4, "{slow} reads waited for a standby that hangs");
    drop(frozen);
    becomes(&servers.standbys()[0], State::Ready).await;
    readers.see(Instant::now(), 100, at_standby).await;
    readers.all_well(Duration::from_secs(5));
}

#[tokio::test]
async fn a_standby_that_hangs_costs_no_caller_its_deadline() {
    let own = Own::start(1).await;
    // Neither a look nor patience is any help.
    let servers = own
        .ready(|replicas| {
            replicas.watch_interval = Duration::from_secs(3_600);
            replicas.patience = Duration::from_secs(3_600);
        })
        .await;
    assert!(read(&servers, COUNT).await.unwrap().standby);
    let frozen = own.standbys[0].freeze();
    let begun = Instant::now();
    let answer = read_within(&servers, COUNT, Duration::from_secs(4)).await.unwrap();
    assert!(!answer.standby && begun.elapsed() >= Duration::from_secs(2), "{answer:?}");
    drop(frozen);
}

#[tokio::test]
async fn a_connection_that_ends_costs_no_read() {
    let own = Own::start(1).await;
    let servers = own.ready(|_| {}).await;
    // Each is ended in the middle of its statement.
    let itself = "SELECT coalesce(pg_terminate_backend(pg_backend_pid())::text, '') \
        FROM pg_is_in_recovery() r WHERE r UNION ALL SELECT 'survived' WHERE NOT pg_is_in_recovery()";
    for _ in 0..5 {
        let answer = read(&servers, itself).await.unwrap();
        assert_eq!((&*answer.text, answer.standby), ("survived", false));
        becomes(&servers.standbys()[0], State::Ready).await;
    }
}

#[tokio::test]
async fn a_host_that_refuses_or_swallows_is_not_read() {
    let own = Own::start(1).await;
    let proxy = Proxy::start(own.standbys[0].port).await;
    let urls = [proxy.url("postgres"), format!("postgres://postgres@127.0.0.1:{}/postgres", free_port())];
    let soon = |replicas: &mut Replicas| replicas.patience = SOON;
    let servers = super::servers(&own.primary.url("postgres"), urls.into_iter(), soon);
    let [standby, nobody] = servers.standbys() else { panic!("two standbys") };
    becomes(nobody, State::Down).await;
    becomes(standby, State::Ready).await;
    comes_to_standby(&servers).await;
    for path in [Path::Silent, Path::Mute, Path::Cut] {
        proxy.set(path);
        let begun = Instant::now();
        let answer = read(&servers, COUNT).await.unwrap();
        let waited = begun.elapsed();
        assert!(!answer.standby && waited < NOTICED, "{path:?}: {answer:?} after {waited:?}");
        becomes(standby, State::Down).await;
        proxy.set(Path::Open);
        becomes(standby, State::Ready).await;
        comes_to_standby(&servers).await;
    }
}

#[tokio::test]
async fn a_conflict_with_recovery_costs_no_read() {
    let own = Own::start(1).await;
    // What is replayed waits for nobody.
    let settings = ["max_standby_streaming_delay = 0", "hot_standby_feedback = off"];
    for setting in settings {
        execute(&own.standbys[0], &format!("ALTER SYSTEM SET {setting}")).await;
    }
    execute(&own.standbys[0], "SELECT pg_reload_conf()").await;
    let servers = own.ready(|_| {}).await;
    // On the standby it holds the table until it is told that it conflicts.
    let held = "SELECT count(*)::text FROM number, LATERAL (SELECT CASE WHEN pg_is_in_recovery() \
        THEN pg_sleep(600) END) s";
    let reading = tokio::spawn({
        let servers = servers.clone();
        async move { read(&servers, held).await }
    });
    let asleep = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')";
    super::until(&own.standbys[0], asleep).await;
    // The very failure that the standby gives, to show that it is the one that is met.
    let conflict = tokio::spawn({
        let standby = servers.standbys()[0].clone();
        let server = rowcall::postgres::Server::Standby(standby);
        async move { super::ask(server, held).await }
    });
    let both = "SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    super::until(&own.standbys[0], both).await;
    execute(&own.primary, "TRUNCATE number; INSERT INTO number VALUES (1), (2)").await;
    let error = conflict.await.unwrap().unwrap_err();
    assert!(format!("{error:?}").contains("40001"), "{error:?}");
    assert_eq!(error.elsewhere(), Some(Elsewhere::Said));
    let answer = reading.await.unwrap().unwrap();
    assert_eq!((&*answer.text, answer.standby), ("2", false));
}

#[tokio::test]
async fn what_only_a_standby_refuses_is_asked_of_the_primary() {
    let own = Own::start(1).await;
    execute(
        &own.primary,
        "CREATE UNLOGGED TABLE quick AS SELECT 'quick' AS name; \
        CREATE FUNCTION whole() RETURNS text LANGUAGE plpgsql AS $$ \
        BEGIN IF pg_is_in_recovery() THEN RAISE division_by_zero; END IF; RETURN 'whole'; END $$",
    )
    .await;
    let servers = own.ready(|_| {}).await;
    let unlogged = read(&servers, "SELECT name FROM quick").await.unwrap();
    assert_eq!((&*unlogged.text, unlogged.standby), ("quick", false));
    // A catalog that is behind.
    execute(&own.standbys[0], "SELECT pg_wal_replay_pause()").await;
    super::until(&own.standbys[0], "SELECT pg_get_wal_replay_pause_state() = 'paused'").await;
    execute(&own.primary, "CREATE TABLE late AS SELECT 'late' AS name; ALTER TABLE number ADD m text").await;
    let late = read(&servers, "SELECT name FROM late").await.unwrap();
    assert_eq!((&*late.text, late.standby), ("late", false));
    assert!(!read(&servers, "SELECT coalesce(m, 'none') FROM number").await.unwrap().standby);
    // It is none the worse for it.
    assert!(read(&servers, COUNT).await.unwrap().standby);
    execute(&own.standbys[0], "SELECT pg_wal_replay_resume()").await;
    // An error proves nothing fresh; what the primary says stands.
    let whole = read(&servers, "SELECT whole()").await.unwrap();
    assert_eq!((&*whole.text, whole.standby), ("whole", false));
    let failure = read(&servers, "SELECT (1 / 0)::text").await.unwrap_err();
    assert!(format!("{failure:?}").contains("22012"), "{failure:?}");
}
