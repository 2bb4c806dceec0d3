//! `grpc.health.v1`: Check, Watch and List.

use std::collections::HashMap;

use prost::Message as _;
use rowcall::contract::Contract;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, ServiceUnknown, Serving};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::script::plans;
use super::served::{Served, serve, settings, unary, with};

const CHINOOK: &str = "chinook.v1.ChinookService";

async fn check(served: &Served, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let response = HealthClient::new(served.channel.clone()).check(request).await;
    response.map(|response| response.into_inner().status()).map_err(|status| status.code())
}

async fn watch(served: &Served, service: &str) -> tonic::Streaming<HealthCheckResponse> {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(served.channel.clone()).watch(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_service_serves_while_the_database_answers() {
    let served = serve(settings()).await;
    for service in ["", CHINOOK, "liveness"] {
        assert_eq!(check(&served, service).await, Ok(Serving), "{service}");
    }
    assert_eq!(check(&served, "chinook.v2.Other").await, Err(Code::NotFound));
    served.database.send_replace(false);
    assert_eq!(check(&served, CHINOOK).await, Ok(NotServing));
    assert_eq!(check(&served, "").await, Ok(NotServing));
    assert_eq!(check(&served, "liveness").await, Ok(Serving));
}

#[tokio::test]
async fn a_service_of_which_nothing_fits_does_not_serve() {
    let served = serve(settings()).await;
    let mut watched = watch(&served, CHINOOK).await;
    assert_eq!(watched.message().await.unwrap().unwrap().status(), Serving);
    let unfit = super::script::plans(super::script::chinook());
    let methods = unfit.methods.into_iter().filter(|(path, _)| path.ends_with("/RevenueByCountry")).collect();
    served.script.plans.store(rowcall::plan::Plans { methods, ..plans(super::script::chinook()) }.into());
    served.loads.send_modify(|loads| *loads += 1);
    assert_eq!(watched.message().await.unwrap().unwrap().status(), NotServing);
    assert_eq!(check(&served, CHINOOK).await, Ok(NotServing));
}

#[tokio::test]
async fn a_watch_tells_every_change_and_ends_with_the_server() {
    let served = serve(settings()).await;
    let mut watched = watch(&served, CHINOOK).await;
    assert_eq!(watched.message().await.unwrap().unwrap().status(), Serving);
    served.database.send_replace(false);
    assert_eq!(watched.message().await.unwrap().unwrap().status(), NotServing);
    served.database.send_replace(true);
    assert_eq!(watched.message().await.unwrap().unwrap().status(), Serving);
    served.drain.cancel();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), NotServing);
    assert!(watched.message().await.unwrap().is_none());
    served.end.await.unwrap();
}

#[tokio::test]
async fn a_watch_waits_for_a_service_that_is_not_there_yet() {
    let served = serve(settings()).await;
    let contract = super::script::chinook();
    let services = Vec::new();
    served.script.plans.store(plans(Contract { services, ..contract }).into());
    let mut watched = watch(&served, CHINOOK).await;
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServiceUnknown);
    served.script.plans.store(plans(super::script::chinook()).into());
    served.loads.send_modify(|loads| *loads += 1);
    assert_eq!(watched.message().await.unwrap().unwrap().status(), Serving);
}

#[derive(Clone, PartialEq, prost::Message)]
struct Listed {
    #[prost(map = "string, message", tag = "1")]
    statuses: HashMap<String, HealthCheckResponse>,
}

#[tokio::test]
async fn a_list_has_every_service() {
    let served = serve(settings()).await;
    let response = unary(served.client(), "/grpc.health.v1.Health/List", with("", &[])).await.unwrap();
    let listed = Listed::decode(response.into_inner()).unwrap();
    let mut names: Vec<_> = listed.statuses.keys().map(String::as_str).collect();
    names.sort();
    assert_eq!(names, ["", CHINOOK, "liveness"]);
    assert!(listed.statuses.values().all(|response| response.status() == Serving));
}

#[tokio::test]
async fn an_overloaded_server_still_says_how_it_is() {
    let served = serve(rowcall::grpc::Settings { calls_max: 0, ..settings() }).await;
    assert_eq!(served.get("hello").await.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(check(&served, "").await, Ok(Serving));
}
