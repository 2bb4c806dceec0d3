//! A standby that is promoted is a standby no more from its next answer on, whatever connections there are.

use std::time::{Duration, Instant};

use rowcall::postgres::{Ending, Error, Limit, Miss, Mode, Server, State};

use super::readers::Readers;
use super::{CONNECTIONS, COUNT, NOTICED, Own, PATIENCE, SOON, ask, becomes, execute, read, session, until};
use crate::support::session::{statement, want};

const PRIMARY: &str = "SELECT NOT pg_is_in_recovery()";

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_is_promoted_costs_no_read_and_shows_nothing_of_its_own() {
    let mut own = Own::start(1).await;
    let servers = own.ready(|replicas| replicas.patience = SOON).await;
    let readers = Readers::start(&servers);
    readers.see(Instant::now(), 100, |answer| answer.standby).await;
    own.standbys[0].control("promote");
    until(&own.standbys[0], PRIMARY).await;
    let begun = Instant::now();
    execute(&own.standbys[0], "INSERT INTO number VALUES (2), (3)").await;
    becomes(&servers.standbys()[0], State::Promoted).await;
    assert!(begun.elapsed() < NOTICED, "noticed after {:?}", begun.elapsed());
    readers.see(Instant::now(), 200, |answer| !answer.standby).await;
    readers.all_well(Duration::from_secs(5));
    for read in readers.reads() {
        let answer = read.answer.expect("none has failed");
        assert_eq!(answer.text, "1", "of another life: {answer:?}");
        assert_eq!(answer.standby, answer.server != servers.primary().id());
    }
    assert!(servers.standby(|_| true).is_none());
}

#[tokio::test]
async fn a_promotion_that_nobody_has_noticed_yet_is_noticed_by_the_answer() {
    let mut own = Own::start(1).await;
    // Nobody looks a second time.
    let servers = own.ready(|replicas| replicas.watch_interval = Duration::from_secs(3_600)).await;
    let standby = &servers.standbys()[0];
    let mut held = Vec::new();
    for _ in 1..CONNECTIONS {
        held.push(session(standby, Mode::Single).await);
    }
    let mut snapshot = session(standby, Mode::Snapshot).await;
    let count = [statement(COUNT, &[], &[25])];
    snapshot.run(&count, Ending::More, Limit::default()).await.unwrap();
    own.standbys[0].control("promote");
    until(&own.standbys[0], PRIMARY).await;
    execute(&own.standbys[0], "INSERT INTO number VALUES (2)").await;
    assert_eq!(*standby.states().borrow(), State::Ready);

    // What was one snapshot before stays one.
    let rows = snapshot.run(&count, Ending::Last, Limit::default()).await.unwrap();
    assert_eq!(rows[0].row(0).unwrap().get(0), Some(&b"1"[..]));
    let error = snapshot.run(&count, Ending::Last, Limit::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable(why) if why.contains("no standby")), "{error:?}");
    drop(snapshot);
    for session in &mut held {
        let error = session.run(&count, Ending::Last, Limit::default()).await.unwrap_err();
        assert!(matches!(&error, Error::Unreachable(why) if why.contains("no standby")), "{error:?}");
    }
    drop(held);
    // None of these connections is used again, and no new one is made.
    let miss = ask(Server::Standby(standby.clone()), COUNT).await.unwrap_err();
    assert!(matches!(&miss, Miss::Failed(Error::Unreachable(why)) if why.contains("no standby")), "{miss:?}");
    let answer = read(&servers, COUNT).await.unwrap();
    assert_eq!((&*answer.text, answer.standby), ("1", false));
    // That read has asked for a look.
    becomes(standby, State::Promoted).await;
}

#[tokio::test]
async fn idle_connections_to_a_promoted_server_are_not_used_again() {
    let mut own = Own::start(1).await;
    let servers = own.ready(|_| {}).await;
    let standby = servers.standbys()[0].clone();
    read(&servers, COUNT).await.unwrap();
    own.standbys[0].control("promote");
    becomes(&standby, State::Promoted).await;
    // One that the watch of reachability has is met when it is given back.
    let late = Instant::now() + PATIENCE;
    loop {
        let error = standby.session(want(Mode::Single)).await.err().unwrap();
        assert!(error.to_string().contains("no standby"), "{error}");
        if standby.counts().connections == 0 {
            break;
        }
        assert!(Instant::now() < late, "{:?}", standby.counts());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_witness_tells_the_lives_of_a_database_apart() {
    let mut own = Own::start(2).await;
    execute(&own.primary, "CREATE TABLE life AS SELECT 'first' AS name").await;
    for standby in &own.standbys {
        until(standby, "SELECT to_regclass('life') IS NOT NULL").await;
    }
    // The one is promoted; the other follows the old primary on.
    own.standbys[0].control("promote");
    until(&own.standbys[0], PRIMARY).await;
    execute(&own.standbys[0], "UPDATE life SET name = 'second'").await;
    let straggler = own.standbys[1].url("postgres");
    let servers = super::servers(&own.standbys[0].url("postgres"), [straggler].into_iter(), |_| {});
    let standby = &servers.standbys()[0];
    // By all that it says of itself it is one of ours.
    becomes(standby, State::Ready).await;
    servers.witness("NULL", "SELECT name FROM life");
    let mut session = session(standby, Mode::Single).await;
    session.run(&[statement(COUNT, &[], &[25])], Ending::Last, Limit::default()).await.unwrap();
    let seen = session.seen().expect("it was asked");
    assert_eq!((seen.standby, seen.witness.as_deref()), (true, Some("first")));
}
