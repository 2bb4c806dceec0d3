//! Server reflection, both versions, over the plans of the moment.

use prost::Message as _;
use prost_types::FileDescriptorProto;
use rowcall::contract::Contract;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Ask;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;
use tonic_reflection::pb::v1::{ExtensionRequest, ServerReflectionRequest};

use super::script::plans;
use super::served::{Served, serve, settings};

async fn ask(served: &Served, asked: Vec<Ask>) -> Vec<Told> {
    let requests = asked
        .into_iter()
        .map(|asked| ServerReflectionRequest { host: "here".to_owned(), message_request: Some(asked) });
    let requests = futures_util::stream::iter(requests.collect::<Vec<_>>());
    let mut client = ServerReflectionClient::new(served.channel.clone());
    let mut responses = client.server_reflection_info(requests).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(response) = responses.message().await.unwrap() {
        assert_eq!(response.valid_host, "here");
        told.push(response.message_response.unwrap());
    }
    told
}

fn files(told: &Told) -> Vec<FileDescriptorProto> {
    let Told::FileDescriptorResponse(response) = told else { panic!("{told:?}") };
    let bytes = response.file_descriptor_proto.iter();
    bytes.map(|bytes| FileDescriptorProto::decode(bytes.as_slice()).unwrap()).collect()
}

fn symbol(name: &str) -> Ask {
    Ask::FileContainingSymbol(name.to_owned())
}

fn services(told: &Told) -> Vec<&str> {
    let Told::ListServicesResponse(response) = told else { panic!("{told:?}") };
    response.service.iter().map(|service| service.name.as_str()).collect()
}

const OWN: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

#[tokio::test]
async fn the_users_services_health_and_reflection_are_listed_and_nothing_else() {
    let served = serve(settings()).await;
    let told = ask(&served, vec![Ask::ListServices(String::new())]).await;
    assert_eq!(services(&told[0]), [&["chinook.v1.ChinookService"], &OWN[..]].concat());
}

#[tokio::test]
async fn every_symbol_leads_to_its_file_with_comments() {
    let served = serve(settings()).await;
    for name in [
        "chinook.v1.ChinookService",
        "chinook.v1.ChinookService.GetTrack",
        "chinook.v1.Track",
        "chinook.v1.Track.title",
    ] {
        let told = ask(&served, vec![symbol(name)]).await;
        let file = &files(&told[0])[0];
        assert_eq!(file.name(), "chinook/v1/chinook.proto", "{name}");
        let places = &file.source_code_info.as_ref().unwrap().location;
        assert!(places.iter().any(|place| place.leading_comments().contains("Reads the store")), "{name}");
    }
}

#[tokio::test]
async fn error_details_and_own_services_can_be_decoded() {
    let served = serve(settings()).await;
    for name in [
        "google.rpc.ErrorInfo",
        "google.rpc.BadRequest.FieldViolation",
        "google.rpc.Status",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ] {
        let told = ask(&served, vec![symbol(name)]).await;
        assert!(!files(&told[0]).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn imports_come_along_once_per_conversation() {
    let served = serve(settings()).await;
    let told = ask(&served, vec![symbol("chinook.v1.Track"), symbol("chinook.v1.Album")]).await;
    let names: Vec<_> = files(&told[0]).iter().map(|file| file.name().to_owned()).collect();
    assert!(names.contains(&"google/api/resource.proto".to_owned()), "{names:?}");
    assert!(names.contains(&"google/protobuf/descriptor.proto".to_owned()), "{names:?}");
    assert_eq!(files(&told[1]).len(), 1);
}

#[tokio::test]
async fn files_and_extensions_are_found_and_what_is_not_there_is_said() {
    let served = serve(settings()).await;
    let extension = |number| {
        let containing_type = "google.protobuf.FieldOptions".to_owned();
        Ask::FileContainingExtension(ExtensionRequest { containing_type, extension_number: number })
    };
    let told = ask(
        &served,
        vec![
            Ask::FileByFilename("google/api/resource.proto".to_owned()),
            extension(1_052),
            Ask::AllExtensionNumbersOfType("google.protobuf.FieldOptions".to_owned()),
            extension(1),
            symbol("chinook.v1.Trak"),
        ],
    )
    .await;
    assert_eq!(files(&told[0])[0].name(), "google/api/resource.proto");
    assert_eq!(files(&told[1])[0].name(), "google/api/field_behavior.proto");
    let Told::AllExtensionNumbersResponse(numbers) = &told[2] else { panic!("{told:?}") };
    assert!(numbers.extension_number.contains(&1_052), "{numbers:?}");
    assert!(!numbers.extension_number.contains(&52_100), "rowcall.v1 options are hidden: {numbers:?}");
    for told in &told[3..] {
        let Told::ErrorResponse(error) = told else { panic!("{told:?}") };
        assert_eq!(error.error_code, 5);
    }
}

#[tokio::test]
async fn a_reload_swaps_it() {
    let served = serve(settings()).await;
    ask(&served, vec![Ask::ListServices(String::new())]).await;
    let contract = Contract { services: Vec::new(), ..super::script::chinook() };
    served.script.plans.store(plans(contract).into());
    let told = ask(&served, vec![Ask::ListServices(String::new())]).await;
    assert_eq!(services(&told[0]), OWN);
}
