//! A standby that is behind: it says how far, rests when it was too old, and is left out when it is far behind.

use std::time::{Duration, Instant};

use rowcall::postgres::{Error, Miss, Server, State};

use super::{COUNT, Own, PATIENCE, ask, becomes, client, comes_to_standby, execute, read, until};

const PAUSED: &str = "SELECT pg_get_wal_replay_pause_state() = 'paused'";

async fn pause(own: &Own) {
    execute(&own.standbys[0], "SELECT pg_wal_replay_pause()").await;
    until(&own.standbys[0], PAUSED).await;
}

/// How far the primary has come.
async fn position(own: &Own) -> String {
    let said = client(&own.primary).await.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).await;
    said.expect("it runs").get(0)
}

#[tokio::test]
async fn a_standby_far_behind_is_left_out_until_it_has_caught_up() {
    let own = Own::start(1).await;
    let servers = own.ready(|replicas| replicas.lag_max = Duration::from_millis(500)).await;
    let standby = &servers.standbys()[0];
    // With nothing to replay it is not behind, for however long. Once in a while the primary writes of its own accord.
    let late = Instant::now() + PATIENCE;
    loop {
        let before = position(&own).await;
        until(&own.standbys[0], &format!("SELECT pg_last_wal_replay_lsn() >= '{before}'")).await;
        pause(&own).await;
        let settled = Instant::now() + Duration::from_millis(700);
        let mut elsewhere = None;
        while elsewhere.is_none() && Instant::now() < settled {
            let answer = read(&servers, COUNT).await.unwrap();
            elsewhere = Some(answer).filter(|answer| !answer.standby).map(|_| standby.found().clone());
        }
        if position(&own).await == before {
            assert_eq!(elsewhere, None, "it is not behind");
            break;
        }
        assert!(Instant::now() < late, "the primary never rests");
        execute(&own.standbys[0], "SELECT pg_wal_replay_resume()").await;
        becomes(standby, State::Ready).await;
    }
    execute(&own.primary, "INSERT INTO number VALUES (2)").await;
    becomes(standby, State::Behind).await;
    assert!(standby.found().behind > Duration::from_millis(500), "{:?}", standby.found());
    let answer = read(&servers, COUNT).await.unwrap();
    assert_eq!((&*answer.text, answer.standby), ("2", false));
    execute(&own.standbys[0], "SELECT pg_wal_replay_resume()").await;
    becomes(standby, State::Ready).await;
    let answer = read(&servers, COUNT).await.unwrap();
    assert_eq!((&*answer.text, answer.standby), ("2", true));
}

#[tokio::test]
async fn a_standby_says_what_it_has_replayed() {
    let own = Own::start(1).await;
    let servers = own.ready(|replicas| replicas.lag_max = PATIENCE).await;
    let standby = &servers.standbys()[0];
    pause(&own).await;
    let xid = "SELECT pg_current_xact_id()::text, pg_sleep(0)";
    let written = client(&own.primary).await.query_one(xid, &[]).await.expect("it writes");
    let xid: u64 = written.get::<_, String>(0).parse().expect("a number");
    // Of what it has not replayed no look says that it has.
    for _ in 0..20 {
        assert!(read(&servers, COUNT).await.unwrap().standby);
        assert!(standby.found().xmin <= xid && standby.found().xmax <= xid, "{:?}", standby.found());
    }
    execute(&own.standbys[0], "SELECT pg_wal_replay_resume()").await;
    execute(&own.primary, "INSERT INTO number VALUES (2)").await;
    let late = Instant::now() + PATIENCE;
    while servers.standby(|found| found.xmin > xid).is_none() {
        assert!(Instant::now() < late, "{xid} is never replayed: {:?}", standby.found());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_standby_that_was_too_old_for_a_read_rests_for_a_moment() {
    let own = Own::start(1).await;
    let servers =
        own.ready(|replicas| (replicas.watch_interval, replicas.lag_max) = (PATIENCE, PATIENCE)).await;
    pause(&own).await;
    execute(&own.primary, "INSERT INTO number VALUES (2)").await;
    // Two rows or too old, as its caller's rule would say.
    let fresh = |server: Server| async move {
        let answer = ask(server, COUNT).await?;
        if answer.text == "2" { Ok(answer) } else { Err(Miss::<Error>::TooOld) }
    };
    let answer = servers.read(Instant::now() + PATIENCE, |_| true, fresh).await.unwrap();
    assert_eq!((&*answer.text, answer.standby), ("2", false));
    assert!(servers.standby(|_| true).is_none(), "it rests");
    assert_eq!(*servers.standbys()[0].states().borrow(), State::Ready);

    let often = Duration::from_millis(10);
    let servers = own.ready(|replicas| (replicas.watch_interval, replicas.lag_max) = (often, PATIENCE)).await;
    servers.read(Instant::now() + PATIENCE, |_| true, fresh).await.unwrap();
    let late = Instant::now() + PATIENCE;
    while servers.standby(|_| true).is_none() {
        assert!(Instant::now() < late, "it rests for ever");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_slow_read_is_asked_of_the_primary_too_and_the_first_answer_is_taken() {
    let own = Own::start(1).await;
    let servers = own.ready(|replicas| replicas.patience = Duration::from_millis(100)).await;
    let slow = "SELECT 'here' FROM (SELECT CASE WHEN pg_is_in_recovery() THEN pg_sleep(600) END) s";
    let answer = read(&servers, slow).await.unwrap();
    assert_eq!((&*answer.text, answer.standby), ("here", false));
    // The other is cancelled, and the standby as good as before.
    until(&own.standbys[0], "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        .await;
    comes_to_standby(&servers).await;
    // An answer that came late leaves it doubted until it is looked at.
    let late = Instant::now() + PATIENCE;
    while servers.standby(|_| true).is_none() {
        assert!(Instant::now() < late, "it is doubted for ever");
        tokio::task::yield_now().await;
    }
    let elsewhere = "SELECT 'there' FROM (SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_sleep(600) \
        ELSE pg_sleep(0.3) END) s";
    let answer = read(&servers, elsewhere).await.unwrap();
    assert_eq!((&*answer.text, answer.standby), ("there", true));
    until(&own.primary, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
        .await;
}
