//! A primary that became a standby is left, whatever its URL allows: nothing is asked of it that a primary has to answer.

use std::sync::Arc;
use std::time::Instant;

use rowcall::postgres::{Ending, Error, Journal, Limit, Mode, Role, Sight, Want};
use rowcall::sql::{About, Statement};

use super::{COUNT, Own, PATIENCE, client, execute, until};
use crate::support::session::{postgres, run, until_refused, want};
use crate::support::{Path, Proxy};

fn refused(error: &Error) -> bool {
    error.to_string().contains("a primary is needed")
}

#[tokio::test]
async fn a_standby_is_no_primary_with_one_host_and_any_attributes() {
    let own = Own::start(1).await;
    let url = own.standbys[0].url("postgres");
    let asked = postgres(&url, |settings| settings.role = Role::Primary);
    let error = asked.session(want(Mode::Single)).await.err().unwrap();
    assert!(refused(&error), "{error}");
    let connections = "SELECT count(*) FILTER (WHERE application_name = 'rowcall') = 0 FROM pg_stat_activity";
    until(&own.standbys[0], connections).await;
    // Without replicas it is a database like any.
    let any = postgres(&url, |_| {});
    let mut session = any.session(Want { sight: Sight::Told, ..want(Mode::Single) }).await.unwrap();
    assert_eq!(run(&mut session, COUNT, &[25]).await.unwrap(), [b"1"]);
    assert!(session.seen().unwrap().standby);
}

#[tokio::test]
async fn of_several_hosts_the_primary_is_found_where_it_is() {
    let mut own = Own::start(1).await;
    let (one, other) = (own.primary.port, own.standbys[0].port);
    let url = format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/postgres");
    let asked = postgres(&url, |settings| settings.role = Role::Primary);
    let port = "SELECT inet_server_port()::text";
    let mut session = asked.session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, port, &[25]).await.unwrap(), [one.to_string().into_bytes()]);

    // The primary stops, and there is none until the standby is promoted: any would do by the URL, and none does.
    own.primary.control("stop");
    let gone = run(&mut session, "SELECT pg_sleep(600)::text", &[25]).await.unwrap_err();
    assert!(matches!(gone, Error::Unreachable(_)), "{gone:?}");
    drop(session);
    until_refused(&asked, refused).await;
    own.standbys[0].control("promote");
    until(&own.standbys[0], "SELECT NOT pg_is_in_recovery()").await;

    // What was the primary comes back, first in the URL, as a standby.
    std::fs::write(own.primary.folder.join("data/standby.signal"), "").expect("it is ours");
    own.primary.control("start");
    let late = Instant::now() + PATIENCE;
    while tokio_postgres::connect(&own.primary.url("postgres"), tokio_postgres::NoTls).await.is_err() {
        assert!(Instant::now() < late, "it never comes back");
        tokio::task::yield_now().await;
    }
    let late = Instant::now() + PATIENCE;
    let mut session = loop {
        match asked.session(want(Mode::Single)).await {
            Ok(session) => break session,
            Err(error) => assert!(Instant::now() < late, "{error:?}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(run(&mut session, port, &[25]).await.unwrap(), [other.to_string().into_bytes()]);
    assert!(client(&own.standbys[0]).await.query_one("SELECT 1", &[]).await.is_ok());
    // Told of is the host that was reached, the URL's second.
    let mut journal = Journal::default();
    let mut session = session.noted(journal.shared());
    let about = Arc::new(About { summary: "SELECT".to_owned(), collection: String::new() });
    let told = Statement { about: Some(about), ..Statement::own(port, [25]) };
    session.run(&[told], Ending::Last, Limit::default()).await.unwrap();
    assert_eq!(journal.read().0[0].server.port, other);
}

#[tokio::test]
async fn behind_an_address_that_moves_a_standby_is_no_primary() {
    let own = Own::start(1).await;
    let proxy = Proxy::start(own.primary.port).await;
    let asked = postgres(&proxy.url("postgres"), |settings| settings.role = Role::Primary);
    let mut session = asked.session(want(Mode::Single)).await.unwrap();
    run(&mut session, COUNT, &[25]).await.unwrap();
    // The address leads to the standby from now on.
    proxy.lead_to(own.standbys[0].port);
    proxy.set(Path::Cut);
    let lost = run(&mut session, "SELECT pg_sleep(600)::text", &[25]).await.unwrap_err();
    assert!(matches!(lost, Error::Unreachable(_)), "{lost:?}");
    drop(session);
    let late = Instant::now() + PATIENCE;
    while asked.session(want(Mode::Single)).await.is_ok() {
        assert!(Instant::now() < late, "connections outlive their path");
    }
    proxy.set(Path::Open);
    until_refused(&asked, refused).await;
    proxy.lead_to(own.primary.port);
    execute(&own.primary, "INSERT INTO number VALUES (2)").await;
    let late = Instant::now() + PATIENCE;
    loop {
        match asked.session(want(Mode::Single)).await {
            Ok(mut session) => {
                assert_eq!(run(&mut session, COUNT, &[25]).await.unwrap(), [b"2"]);
                return;
            }
            Err(error) => assert!(Instant::now() < late, "{error:?}"),
        }
        tokio::task::yield_now().await;
    }
}
