//! Code, reason, message and details of what fails.

use tonic::Code;
use tonic_types::{ErrorDetail, StatusExt as _};

use super::served::{serve, settings, unary, with};

#[tokio::test]
async fn everything_wrong_with_a_request_is_said_at_once() {
    let served = serve(settings()).await;
    let status = served.get("refuse").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "filter, column 1: no field \"lenght\" in Track; did you mean \"length\"?; \
         page_size: must not be negative"
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("FILTER_INVALID", "rowcall.dev"));
    assert_eq!(info.metadata["position"], "1");
    let fields = status.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = fields.iter().map(|field| (field.field.as_str(), field.reason.as_str())).collect();
    assert_eq!(fields, [("filter", "FILTER_INVALID"), ("page_size", "FIELD_INVALID")]);
}

#[tokio::test]
async fn a_missing_row_is_named() {
    let served = serve(settings()).await;
    let status = served.get("missing 1").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "tracks/1 does not exist"));
    assert_eq!(status.get_details_error_info().unwrap().reason, "ROW_MISSING");
    let resource = status.get_details_resource_info().unwrap();
    assert_eq!(resource.resource_type, "chinook.example.com/Track");
    assert_eq!(resource.resource_name, "tracks/1");
}

#[tokio::test]
async fn many_missing_rows_stay_within_what_clients_take() {
    let served = serve(settings()).await;
    let status = served.get("missing 1000").await.unwrap_err();
    assert!(status.message().ends_with("tracks/10 and 990 more do not exist"), "{}", status.message());
    let details = status.get_error_details_vec();
    let resources = details.iter().filter(|detail| matches!(detail, ErrorDetail::ResourceInfo(_))).count();
    assert!((10..100).contains(&resources), "{resources}");
    assert!(status.details().len() < 6_000, "{}", status.details().len());
}

#[tokio::test]
async fn what_does_not_fit_says_so_and_names_no_table() {
    let served = serve(settings()).await;
    let path = "/chinook.v1.ChinookService/RevenueByCountry";
    let status = unary(served.client(), path, with("", &[])).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.get_details_error_info().unwrap().reason, "RESOURCE_UNFIT");
    assert_eq!(status.get_details_precondition_failure().unwrap().violations[0].subject, "RevenueByCountry");
    let subject = "chinook.v1.ChinookService/RevenueByCountry does not fit the database";
    assert!(status.message().starts_with(subject), "{}", status.message());
    assert!(!status.message().contains("revenue"), "{}", status.message());
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused() {
    let served = serve(rowcall::grpc::Settings { message_bytes_max: 4, ..settings() }).await;
    let status = served.get("hello").await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "the request is larger than 4 bytes; send less");
}
