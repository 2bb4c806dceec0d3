//! Rowcall starts before its database does.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, Serving};
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt as _;

use super::shop::Own;
use super::{PATIENCE, RECOVERY_MAX, answers, reading};
use crate::errors_shop::{CONTRACT, TABLES, written};
use crate::support::{Client, Served, free_port};

const SHOP: &str = "shop.v1.Shop";

/// A server on its way, whose database may not be there.
struct Waiting {
    served: Served,
    channel: Channel,
    contract: PathBuf,
    _folder: TempDir,
}

/// Returns once it listens.
async fn launch(url: &str, contract: &str, more: &[&str]) -> Waiting {
    let folder = written(contract);
    let address = format!("127.0.0.1:{}", free_port());
    let path = folder.path().to_owned();
    let arguments = [&["--contract", path.to_str().expect("UTF-8"), "--database", url], more].concat();
    let served = Served::launch(folder.path(), &address, &arguments);
    let late = Instant::now() + PATIENCE;
    let endpoint = Endpoint::try_from(format!("http://{address}")).expect("an address");
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) => assert!(Instant::now() < late, "{error}\n{}", served.log()),
        }
    };
    Waiting { served, channel, contract: path, _folder: folder }
}

impl Waiting {
    async fn health(&self, service: &str) -> ServingStatus {
        let request = HealthCheckRequest { service: service.to_owned() };
        let checked = HealthClient::new(self.channel.clone()).check(request).await;
        checked.expect("health answers").into_inner().status()
    }

    /// The moment at which the shop serves.
    async fn serving(&self) -> Instant {
        let request = HealthCheckRequest { service: SHOP.to_owned() };
        let watched = HealthClient::new(self.channel.clone()).watch(request).await;
        let mut watched = watched.expect("health answers").into_inner();
        let told = async {
            while watched.message().await.expect("it goes on").expect("it goes on").status() != Serving {}
            Instant::now()
        };
        let told = tokio::time::timeout(PATIENCE, told).await;
        told.unwrap_or_else(|_| panic!("it never serves:\n{}", self.served.log()))
    }

    async fn client(&self) -> Client {
        Client::connect(self.contract.clone(), self.served.address.parse().expect("an address")).await
    }

    async fn services(&self) -> Vec<String> {
        let asked = MessageRequest::ListServices(String::new());
        let asked = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
        let mut client = ServerReflectionClient::new(self.channel.clone());
        let told =
            client.server_reflection_info(futures_util::stream::iter([asked])).await.expect("it answers");
        let told = told.into_inner().message().await.expect("an answer").expect("an answer");
        let Some(MessageResponse::ListServicesResponse(listed)) = told.message_response else {
            panic!("{told:?}")
        };
        listed.service.into_iter().map(|service| service.name).collect()
    }

    async fn logged(&self, text: &str) {
        let late = Instant::now() + PATIENCE;
        while !self.served.log().contains(text) {
            assert!(Instant::now() < late, "never logged {text:?}:\n{}", self.served.log());
            tokio::task::yield_now().await;
        }
    }
}

/// A Postgres with the shop in it, stopped.
async fn stopped() -> Own {
    let mut own = Own::start(&[]).await;
    own.cluster.control("stop");
    while tokio_postgres::connect(&own.url(), tokio_postgres::NoTls).await.is_ok() {}
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn before_its_database_is_there_a_server_lives_and_says_what_it_will_serve() {
    let mut own = stopped().await;
    let mut waiting = launch(&own.url(), CONTRACT, &[]).await;
    assert_eq!(waiting.health("liveness").await, Serving);
    assert_eq!(waiting.health("").await, NotServing);
    assert_eq!(waiting.health(SHOP).await, NotServing);
    assert!(waiting.services().await.iter().any(|name| name == SHOP));
    let client = waiting.client().await;
    let begun = Instant::now();
    for _ in 0..50 {
        let failure = client.call("GetThing", json!({"name": "things/1"})).await.expect_err("no database");
        assert_eq!((failure.code, failure.reason.as_str()), (Code::Unavailable, "DATABASE_UNREACHABLE"));
        assert!(failure.status.get_details_retry_info().is_some());
        let mut chunks = client.stream("StreamParts", json!({"parent": "things/-"})).await;
        let failure = match &mut chunks {
            Ok(chunks) => chunks.next().await.map(|_| ()).expect_err("no database"),
            Err(_) => chunks.map(|_| ()).expect_err("no database"),
        };
        assert_eq!((failure.code, failure.reason.as_str()), (Code::Unavailable, "DATABASE_UNREACHABLE"));
    }
    assert!(begun.elapsed() / 100 < std::time::Duration::from_millis(100), "{:?}", begun.elapsed());
    waiting.logged("waiting for the database").await;

    own.cluster.control("start");
    let url = own.url();
    let (back, serving) = tokio::join!(answers(&url), waiting.serving());
    let after = serving.saturating_duration_since(back);
    // How long it takes to read the catalog is the machine's affair.
    let most = RECOVERY_MAX + reading(&waiting.contract, &url).await;
    assert!(after < most, "served {after:?} after the database, not within {most:?}");
    let thing = client.call("GetThing", json!({"name": "things/1"})).await.expect("it serves").json();
    assert_eq!(thing["title"], "thing 1");
    let waiting = tokio::task::spawn_blocking(move || {
        waiting.served.hear_banner();
        waiting
    });
    let waiting = waiting.await.expect("it says so");
    assert!(waiting.served.banner.contains("4 resources"), "{}", waiting.served.banner);
    assert!(waiting.served.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_server_ends_when_the_database_is_there_and_does_not_fit() {
    let mut own = stopped().await;
    let contract = CONTRACT.replace("optional bytes picture", "optional bytes pictures");
    let waiting = launch(&own.url(), &contract, &["--strict"]).await;
    assert_eq!(waiting.health("liveness").await, Serving);
    own.cluster.control("start");
    let ended = tokio::task::spawn_blocking(move || waiting.served.end().0);
    assert_eq!(ended.await.expect("it ends").code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_while_it_waits_stops() {
    let own = stopped().await;
    let waiting = launch(&own.url(), CONTRACT, &[]).await;
    let ended = tokio::task::spawn_blocking(move || waiting.served.stop());
    assert_eq!(ended.await.expect("it ends").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_exist_is_named_in_the_log_and_waited_for() {
    let own = Own::start(&[]).await;
    let waiting = launch(&own.cluster.url("later"), CONTRACT, &[]).await;
    waiting.logged("database \"later\" does not exist").await;
    assert_eq!(waiting.health(SHOP).await, NotServing);
    own.execute("CREATE DATABASE later").await;
    // Without its tables nothing fits; with them a reload finds out.
    waiting.logged("does not fit").await;
    tokio::task::block_in_place(|| own.cluster.psql("later", &["-c", TABLES]));
    waiting.serving().await;
}
