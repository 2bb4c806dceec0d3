//! `rowcall serve` with a Postgres of its own: what is said, and the code it ends with.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use super::{kill, place, until};
use crate::support::{Client, Served, rowcall};

fn postgres(folder: &Path) -> i32 {
    let file = fs::read_to_string(folder.join("rowcall-data/postgres/postmaster.pid")).expect("its number");
    file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a number")
}

async fn client(folder: &Path, served: &Served) -> Client {
    let contract = folder.join("rowcall-data/contract");
    Client::connect(contract, served.address.parse().expect("an address")).await
}

async fn answers(client: &Client) -> bool {
    let station = client.call("GetStation", json!({"name": "stations/35"})).await;
    station.is_ok_and(|station| station.json()["name"] == "stations/35")
}

#[tokio::test]
async fn a_second_server_is_refused_and_the_first_goes_on() {
    let folder = place();
    let first = Served::start_in(folder.path(), &[]);
    let mut second = rowcall();
    let second = second.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path());
    let output = second.output().expect("rowcall starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected =
        format!("rowcall-data is in use: another server (process {}) runs there", first.id().as_raw_pid());
    assert!(said.contains(&expected), "{said}");
    assert!(answers(&client(folder.path(), &first).await).await);
    assert_eq!(first.stop().code(), Some(0));
}

#[tokio::test]
async fn the_death_of_its_postgres_is_the_end_of_it_and_no_harm() {
    let folder = place();
    let served = Served::start_in(folder.path(), &[]);
    let client = self::client(folder.path(), &served).await;
    assert!(answers(&client).await);
    // The first is the one that speaks; without it, the others go.
    kill(postgres(folder.path()), Signal::KILL);
    let (ended, log) = served.end();
    assert_eq!(ended.code(), Some(1), "{log}");
    assert!(log.contains("the embedded Postgres has ended: signal: 9"), "{log}");
    assert!(log.contains("rowcall-data/postgres.log"), "{log}");

    let served = Served::start_in(folder.path(), &[]);
    let client = self::client(folder.path(), &served).await;
    assert!(answers(&client).await);
    assert_eq!(served.stop().code(), Some(0));
    until("the end of Postgres", || !folder.path().join("rowcall-data/postgres/postmaster.pid").exists())
        .await;
}
