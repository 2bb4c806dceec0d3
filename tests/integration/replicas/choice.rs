//! Where a read goes when nothing is wrong, and when something is not ours.

use std::collections::HashSet;
use std::time::Instant;

use rowcall::postgres::{Error, Mode, Role, Settings, State};

use super::{CONNECTIONS, COUNT, Own, PATIENCE, becomes, read, servers, session};
use crate::support::Cluster;
use crate::support::session::want;

#[tokio::test]
async fn reads_go_to_the_least_busy_standby_and_to_the_primary_when_all_are_busy() {
    let own = Own::start(2).await;
    let servers = own.ready(|_| {}).await;
    let chosen = || servers.standby(|_| true).map(|standby| standby.postgres().id());

    // The watch of reachability may hold a connection for a moment, and then there is one idle standby. While this chooses,
    // nobody takes or gives.
    let late = Instant::now() + PATIENCE;
    loop {
        let tied: HashSet<_> = (0..100).map(|_| chosen()).collect();
        if tied.len() == 2 {
            break;
        }
        assert!(Instant::now() < late, "idle ones are chosen by chance: {tied:?}");
        tokio::task::yield_now().await;
    }

    // Who is held here has more than that.
    let [one, other] = servers.standbys() else { panic!("two standbys") };
    let mut held = Vec::new();
    for _ in 1..CONNECTIONS {
        held.push(session(one, Mode::Single).await);
    }
    for _ in 0..100 {
        assert_eq!(chosen(), Some(other.postgres().id()));
    }
    let answer = read(&servers, COUNT).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.standby, answer.server), ("1", true, other.postgres().id()));

    // A session that another wants beside all of these is refused at once, not waited for.
    held.push(session(one, Mode::Single).await);
    for _ in 0..CONNECTIONS {
        held.push(session(other, Mode::Single).await);
    }
    for standby in [one, other] {
        assert!(matches!(standby.session(want(Mode::Single)).await, Err(Error::Busy)));
    }
    let answer = read(&servers, COUNT).await.unwrap();
    assert_eq!((answer.standby, answer.server), (false, servers.primary().id()));
    drop(held);
    servers.close().await;
}

#[tokio::test]
async fn a_read_says_what_it_wants_of_a_standby() {
    let own = Own::start(1).await;
    let servers = own.ready(|_| {}).await;
    let found = servers.standbys()[0].found();
    assert!(found.xmin > 0 && found.xmin <= found.xmax && found.replayed > 0, "{found:?}");
    assert_eq!(&*found.snapshot, format!("{}:{}:", found.xmin, found.xmax));
    assert!(servers.standby(|found| found.xmin > 0).is_some());
    assert!(servers.standby(|found| found.xmin == u64::MAX).is_none());
}

#[tokio::test]
async fn a_server_that_follows_another_database_is_not_read() {
    let (own, other) = tokio::join!(Own::start(0), Own::start(1));
    let foreign = other.standbys[0].url("postgres");
    let servers = servers(&own.primary.url("postgres"), [foreign].into_iter(), |_| {});
    becomes(&servers.standbys()[0], State::Foreign).await;
    assert!(servers.standby(|_| true).is_none());
    assert!(!read(&servers, COUNT).await.unwrap().standby);
}

#[tokio::test]
async fn a_primary_in_the_place_of_a_standby_is_not_read() {
    let own = Own::start(0).await;
    let url = own.primary.url("postgres");
    let servers = servers(&url, [url.clone()].into_iter(), |_| {});
    becomes(&servers.standbys()[0], State::Promoted).await;
    assert!(servers.standby(|_| true).is_none());
    let error = servers.standbys()[0].session(want(Mode::Single)).await.err().unwrap();
    assert!(error.to_string().contains("the server is no standby"), "{error}");
}

#[tokio::test]
async fn what_a_url_asks_for_fits_what_it_is_for() {
    let refused = |attributes: &str, role| {
        let url = format!("postgres://u@h/d?target_session_attrs={attributes}");
        let made = rowcall::postgres::Postgres::new(Settings { url, role, ..Settings::default() });
        made.err().map(|error| error.to_string())
    };
    for attributes in ["standby", "read-only"] {
        let said = refused(attributes, Role::Primary).expect("a contradiction");
        assert!(said.contains(&format!("target_session_attrs={attributes} is not to be had of a primary")));
        assert!(refused(attributes, Role::Standby).is_none() && refused(attributes, Role::Any).is_none());
    }
    for attributes in ["primary", "read-write"] {
        let said = refused(attributes, Role::Standby).expect("a contradiction");
        assert!(said.contains(&format!("target_session_attrs={attributes} is not to be had of a standby")));
        assert!(refused(attributes, Role::Primary).is_none() && refused(attributes, Role::Any).is_none());
    }
}

#[tokio::test]
async fn a_role_without_privileges_can_watch() {
    let own = Own::start(1).await;
    super::execute(&own.primary, "CREATE ROLE app LOGIN; GRANT SELECT ON number TO app").await;
    let as_app = |cluster: &Cluster| cluster.url("postgres").replace("//postgres@", "//app@");
    super::until(
        &own.standbys[0],
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') AND has_table_privilege('number', 'SELECT') \
        AND (SELECT relacl::text LIKE '%app=r%' FROM pg_class WHERE relname = 'number')",
    )
    .await;
    let servers = servers(&as_app(&own.primary), own.standbys.iter().map(as_app), |_| {});
    becomes(&servers.standbys()[0], State::Ready).await;
    assert!(read(&servers, COUNT).await.unwrap().standby);
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let own = Own::start(1).await;
    let servers = own.ready(|_| {}).await;
    read(&servers, COUNT).await.unwrap();
    servers.close().await;
    let none = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'rowcall')";
    super::until(&own.primary, none).await;
    super::until(&own.standbys[0], none).await;
    let closed = servers.standbys()[0].session(want(Mode::Single)).await;
    assert!(matches!(closed, Err(Error::Unreachable(_))));
    // Dropped is as good as closed.
    let servers = own.ready(|_| {}).await;
    drop(servers);
    super::until(&own.standbys[0], none).await;
}
