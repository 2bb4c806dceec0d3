//! `target_session_attrs` and `load_balance_hosts` with a real primary and a real standby, held against libpq itself.

use std::process::Command;

use futures_util::stream::{self, StreamExt as _};
use rowcall::postgres::{Mode, Settings};

use super::{Own, execute};
use crate::support::free_port;
use crate::support::session::{postgres, run, want};

const ATTRIBUTES: [&str; 6] = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"];

/// `psql`, which is libpq: the port it ends up at, or none.
async fn by_libpq(url: &str) -> Option<String> {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-d", url, "-c", "SELECT inet_server_port()"]);
    let said =
        tokio::task::spawn_blocking(move || psql.output()).await.expect("no panic").expect("psql starts");
    said.status.success().then(|| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

async fn by_us(url: &str) -> Option<String> {
    let asked = postgres(url, |settings: &mut Settings| settings.connections_min = 0);
    let mut session = asked.session(want(Mode::Single)).await.ok()?;
    let port = run(&mut session, "SELECT inet_server_port()::text", &[25]).await.expect("it reads");
    asked.close().await;
    Some(String::from_utf8_lossy(&port[0]).into_owned())
}

#[tokio::test]
async fn the_same_server_is_taken_as_by_libpq() {
    let own = Own::start(1).await;
    // One of the databases is read-only, on the primary too.
    execute(&own.primary, "CREATE DATABASE quiet").await;
    execute(&own.primary, "ALTER DATABASE quiet SET default_transaction_read_only = on").await;
    super::until(
        &own.standbys[0],
        "SELECT count(*) = 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = 'quiet'",
    )
    .await;
    let (primary, standby, nobody) = (own.primary.port, own.standbys[0].port, free_port());
    let lists = [
        vec![primary],
        vec![standby],
        vec![primary, standby],
        vec![standby, primary],
        vec![nobody, standby, primary],
        vec![primary, nobody, standby],
        vec![nobody],
    ];
    let urls = lists.iter().flat_map(|ports| {
        let list = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
        ["postgres", "quiet"].into_iter().flat_map(move |database| {
            let list = list.clone();
            ATTRIBUTES.map(move |attributes| {
                format!("postgres://postgres@{list}/{database}?target_session_attrs={attributes}")
            })
        })
    });
    let compared = stream::iter(urls).map(async |url| {
        let (theirs, ours) = tokio::join!(by_libpq(&url), by_us(&url));
        assert_eq!(ours, theirs, "{url}: the primary is {primary}, the standby {standby}");
    });
    assert_eq!(compared.buffer_unordered(8).count().await, 84);
}

#[tokio::test]
async fn random_hosts_are_all_used_and_only_those_that_fit() {
    let own = Own::start(2).await;
    let ports = [own.primary.port, own.standbys[0].port, own.standbys[1].port];
    let list = ports.map(|port| format!("127.0.0.1:{port}")).join(",");
    for (attributes, expected) in [("standby", &ports[1..]), ("any", &ports[..]), ("primary", &ports[..1])] {
        let url = format!(
            "postgres://postgres@{list}/postgres?load_balance_hosts=random&target_session_attrs={attributes}"
        );
        let asked = postgres(&url, |settings| settings.connections_max = 40);
        let (mut held, mut met) = (Vec::new(), std::collections::BTreeSet::new());
        for _ in 0..40 {
            let mut session = asked.session(want(Mode::Single)).await.unwrap();
            let port = run(&mut session, "SELECT inet_server_port()::text", &[25]).await.unwrap();
            met.insert(String::from_utf8_lossy(&port[0]).parse::<u16>().expect("a port"));
            held.push(session);
        }
        assert_eq!(met, expected.iter().copied().collect(), "{attributes}");
    }
}
