//! The pool: exhausted, unreachable, recovering; what it checks and what it keeps.

use std::time::{Duration, Instant};

use rowcall::postgres::{Encoding, Error, Mode};

use crate::support::session::{postgres, run, until, until_refused, want, within};
use crate::support::{Cluster, EMPTY, Path, Proxy, cluster, database, free_port};

#[tokio::test]
async fn a_pool_that_stays_exhausted_is_busy() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| {
        settings.connections_max = 1;
        settings.wait_max = Duration::from_millis(500);
    });
    let held = postgres.session(want(Mode::Single)).await.unwrap();
    assert!(matches!(postgres.session(want(Mode::Single)).await, Err(Error::Busy)));
    assert!(matches!(postgres.session(within(10)).await, Err(Error::DeadlinePassed)));
    drop(held);
    assert!(postgres.session(want(Mode::Single)).await.is_ok());
}

#[tokio::test]
async fn nobody_there_is_unreachable_at_once() {
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", free_port());
    let postgres = postgres(&url, |_| {});
    let begun = Instant::now();
    for _ in 0..100 {
        let error = postgres.session(want(Mode::Single)).await.err().unwrap();
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    }
    // Half of what it would take to wait for an attempt each time.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(!*postgres.reachable().borrow());
}

#[tokio::test]
async fn who_waits_when_the_last_connection_ends_hears_that_nobody_is_there() {
    let proxy = Proxy::start(cluster().port).await;
    let postgres = postgres(&proxy.url("postgres"), |settings| {
        settings.wait_max = Duration::from_secs(3600);
        settings.probe_every = Duration::from_secs(3600);
    });
    let held = postgres.session(want(Mode::Single)).await.unwrap();
    proxy.set(Path::Cut);
    let waiting = tokio::spawn({
        let postgres = postgres.clone();
        async move { postgres.session(want(Mode::Single)).await.err() }
    });
    // Meanwhile an attempt has failed, just now. While somebody has a connection it may come free.
    assert!(matches!(postgres.session(within(30)).await, Err(Error::DeadlinePassed)));
    let begun = Instant::now();
    drop(held);
    let error = waiting.await.unwrap().unwrap();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_database_that_comes_back_is_found_again() {
    let mut cluster = tokio::task::spawn_blocking(|| Cluster::start(&[])).await.unwrap();
    let postgres =
        postgres(&cluster.url("postgres"), |settings| settings.probe_every = Duration::from_millis(50));
    let mut reachable = postgres.reachable();
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, reachable.wait_for(|now| *now)).await.unwrap().unwrap();
    cluster.control("stop");
    tokio::time::timeout(patience, reachable.wait_for(|now| !*now)).await.unwrap().unwrap();
    let late = Instant::now() + patience;
    loop {
        let begun = Instant::now();
        // A pooled connection may be given whose end was not met yet.
        let asked = postgres.session(want(Mode::Single)).await.map(|_| "a session");
        assert!(begun.elapsed() < Duration::from_secs(2), "{asked:?} after {:?}", begun.elapsed());
        if matches!(asked, Err(Error::Unreachable(_))) {
            break;
        }
        assert!(asked.is_ok() && Instant::now() < late, "{asked:?}");
        tokio::task::yield_now().await;
    }
    cluster.control("start");
    tokio::time::timeout(patience, reachable.wait_for(|now| *now)).await.unwrap().unwrap();
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, "SELECT 'back'", &[25]).await.unwrap(), [b"back"]);
}

#[tokio::test]
async fn a_connection_lost_in_idleness_is_never_given_out() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let before = run(&mut session, "SELECT pg_backend_pid()::text", &[25]).await.unwrap();
    drop(session);
    until(&database, "SELECT coalesce(bool_and(pg_terminate_backend(pid, 5000)), true) FROM pg_stat_activity WHERE application_name = 'rowcall' AND datname = current_database()").await;
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let after = run(&mut session, "SELECT pg_backend_pid()::text", &[25]).await.unwrap();
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_connection_lost_in_a_query_is_unreachable_once() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    let task = tokio::spawn({
        let postgres = postgres.clone();
        async move {
            let mut session = postgres.session(want(Mode::Single)).await.unwrap();
            run(&mut session, "SELECT pg_sleep(304)::text", &[25]).await
        }
    });
    until(&database, "SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(304)%' AND state = 'active' AND pid <> pg_backend_pid()").await;
    let error = task.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("57P01"), "{error:?}");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, "SELECT 'again'", &[25]).await.unwrap(), [b"again"]);
}

#[tokio::test]
async fn a_primary_that_became_a_standby_is_left() {
    // A standby is a primary's data with a file beside it, started again.
    let mut cluster = tokio::task::spawn_blocking(|| Cluster::start(&[])).await.unwrap();
    let url = format!("{}?target_session_attrs=primary", cluster.url("postgres"));
    let postgres = postgres(&url, |settings| settings.probe_every = Duration::from_millis(50));
    let patience = Duration::from_secs(20);
    let mut reachable = postgres.reachable();
    tokio::time::timeout(patience, reachable.wait_for(|now| *now)).await.unwrap().unwrap();
    std::fs::write(cluster.folder.join("data/standby.signal"), "").unwrap();
    cluster.control("restart");
    tokio::time::timeout(patience, reachable.wait_for(|now| !*now)).await.unwrap().unwrap();
    let refused = |error: &Error| error.to_string().contains("it is a standby");
    until_refused(&postgres, refused).await;
    let either = cluster.url("postgres") + "?target_session_attrs=prefer-standby";
    let either = self::postgres(&either, |_| {});
    assert!(either.session(want(Mode::Single)).await.is_ok());
}

#[tokio::test]
async fn the_first_host_that_fits_is_taken() {
    let database = database(EMPTY).await;
    let port = database.url.rsplit(':').next().unwrap().split('/').next().unwrap();
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{port}/{}?target_session_attrs=read-write",
        free_port(),
        database.name
    );
    let mut session = postgres(&url, |_| {}).session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, "SELECT 'fits'", &[25]).await.unwrap(), [b"fits"]);
}

#[tokio::test]
async fn connections_end_at_their_age() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| {
        settings.lifetime_max = Duration::from_millis(1);
        settings.connections_max = 1;
    });
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        seen.extend(
            run(&mut session, "SELECT pg_backend_pid()::text FROM pg_sleep(0.01)", &[25]).await.unwrap(),
        );
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_database_without_an_encoding_is_refused_unless_told() {
    let database = database(EMPTY).await;
    let ascii = format!("{}_ascii", database.name);
    let create = format!("CREATE DATABASE {ascii} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    database.execute(&create).await;
    let url = database.url.replace(&format!("/{}", database.name), &format!("/{ascii}"));
    let error = postgres(&url, |_| {}).session(want(Mode::Single)).await.err().unwrap();
    assert!(error.to_string().contains("SQL_ASCII"), "{error:?}");
    let unchecked = postgres(&url, |settings| settings.encoding = Encoding::Unchecked);
    assert!(unchecked.session(want(Mode::Single)).await.is_ok());
}

#[tokio::test]
async fn a_closed_pool_gives_nothing_and_leaves_nothing() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let slept = run(&mut session, "SELECT pg_sleep(305)::text", &[25]);
    assert!(tokio::time::timeout(Duration::from_millis(100), slept).await.is_err());
    drop(session);
    postgres.close().await;
    assert!(matches!(postgres.session(want(Mode::Single)).await, Err(Error::Unreachable(_))));
    until(&database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'rowcall' AND datname = current_database())").await;
}
