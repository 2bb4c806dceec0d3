//! The error table, line by line.

use super::*;
use crate::call::{Hints, Scope};
use crate::postgres::SqlFailure;
use std::time::{Duration, Instant};
use tonic_types::StatusExt as _;

const TRACE: Trace = Trace { id: 0x4bf9, span: 1, parent: None, flags: 0 };

fn of(error: Error) -> Status {
    let deadline = Deadline::Default(Duration::from_secs(10));
    let call = Call { started: Instant::now(), deadline, scope: Scope::default(), hints: Hints::default() };
    super::of(&error, &call, &TRACE)
}

fn sql(state: &str) -> Status {
    let failure = SqlFailure {
        state: state.to_owned(),
        message: "SECRET of the driver".to_owned(),
        detail: Some("SECRET".to_owned()),
        constraint: Some("track_pkey".to_owned()),
        table: Some("SECRET".to_owned()),
        ..SqlFailure::default()
    };
    of(Error::Postgres(failure.into()))
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[test]
fn every_state_has_code_reason_and_advice() {
    for (state, code, expected, retried) in [
        ("22P02", Code::InvalidArgument, "VALUE_MALFORMED", false),
        ("23502", Code::InvalidArgument, "VALUE_REJECTED", false),
        ("23514", Code::InvalidArgument, "VALUE_REJECTED", false),
        ("23505", Code::AlreadyExists, "ROW_EXISTS", false),
        ("23503", Code::FailedPrecondition, "REFERENCE_MISSING", false),
        ("40001", Code::Aborted, "TRANSACTION_CONFLICT", true),
        ("42501", Code::PermissionDenied, "ACCESS_DENIED", false),
        ("53300", Code::ResourceExhausted, "DATABASE_BUSY", true),
        ("57014", Code::Aborted, "STATEMENT_CANCELLED", false),
        ("57P01", Code::Unavailable, "DATABASE_UNREACHABLE", true),
        ("08006", Code::Unavailable, "DATABASE_UNREACHABLE", true),
        ("42P01", Code::Unavailable, "CATALOG_CHANGED", true),
        ("XX000", Code::Internal, "INTERNAL", false),
    ] {
        let status = sql(state);
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{state}");
        assert_eq!(status.get_details_retry_info().is_some(), retried, "{state}");
        let text = format!("{}{:?}", status.message(), status.get_error_details());
        assert!(!text.contains("SECRET"), "{state}: {text}");
    }
    assert_eq!(sql("23505").get_details_error_info().unwrap().metadata["constraint"], "track_pkey");
}

#[test]
fn a_function_speaks_for_itself() {
    let failure = SqlFailure {
        state: "RC005".to_owned(),
        message: "no such coupon".to_owned(),
        ..SqlFailure::default()
    };
    let status = of(Error::Postgres(failure.into()));
    assert_eq!((status.code(), status.message()), (Code::NotFound, "no such coupon"));
    assert_eq!(reason(&status), "FUNCTION_RAISED");
}

#[test]
fn streams_have_limits_with_reasons() {
    let streams_max = 7;
    for (error, code, expected, retried) in [
        (Error::StreamsFull { streams_max }, Code::ResourceExhausted, "OVERLOADED", true),
        (Error::StreamsLoaded, Code::ResourceExhausted, "OVERLOADED", true),
        (
            Error::Stalled { stall_max: Duration::from_secs(3) },
            Code::DeadlineExceeded,
            "DEADLINE_PASSED",
            false,
        ),
    ] {
        let text = error.to_string();
        let status = of(error);
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected), "{text}");
        assert_eq!(status.get_details_retry_info().is_some(), retried, "{text}");
    }
}

#[test]
fn what_is_on_no_list_has_a_trace_id_and_no_cause() {
    let status = of(Error::Postgres(postgres::Error::Protocol("SECRET".to_owned())));
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));
    let trace = status.get_details_error_info().unwrap().metadata["trace_id"].clone();
    assert!(trace.ends_with("4bf9") && status.message().contains(&trace), "{}", status.message());
    assert!(!status.message().contains("SECRET"));
}

#[test]
fn pushing_back_is_for_servers_with_too_much_to_do() {
    let busy = of(Error::Postgres(postgres::Error::Busy));
    // The details and the metadata tell the same time.
    let told = busy.get_details_retry_info().unwrap().retry_delay.unwrap().as_millis().to_string();
    assert_eq!(busy.metadata().get("grpc-retry-pushback-ms").unwrap(), told.as_str());
    let gone = of(Error::Postgres(postgres::Error::Unreachable("SECRET".to_owned())));
    assert!(gone.metadata().is_empty() && gone.get_details_retry_info().is_some());
    let late = of(Error::Postgres(postgres::Error::DeadlinePassed));
    assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "DEADLINE_PASSED"));
    assert!(late.get_details_retry_info().is_none());
}

#[test]
fn a_value_no_field_holds_names_row_and_field() {
    let status = of(Error::Wire(wire::Error::Unrepresentable {
        row: "tracks/1".to_owned(),
        field: "release_time".to_owned(),
        why: "infinity is no Timestamp".to_owned(),
    }));
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(status.message(), "tracks/1: release_time: infinity is no Timestamp");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (info.metadata["row"].as_str(), info.metadata["field"].as_str()),
        ("tracks/1", "release_time")
    );
}

#[test]
fn the_longest_text_is_cut_at_a_character() {
    let description = "ü".repeat(5_000);
    let violation = crate::plan::Violation::new(Reason::FilterInvalid, "filter", description);
    let status = refused(&violation.into());
    assert!(status.message().len() < 1_100 && status.message().ends_with('…'));
    assert!(status.details().len() < 1_500, "{}", status.details().len());
}

#[test]
fn what_a_caller_made_long_comes_back_short() {
    let long = "x".repeat(1 << 20);
    let row = wire::Error::Unrepresentable { row: long.clone(), field: "f".into(), why: "is odd".into() };
    for status in [
        unknown_method(&long, &[]),
        unknown_service(&long),
        unreadable(&Unreadable::Encoding(long.clone())),
        of(Error::Wire(row)),
    ] {
        assert!(status.message().len() < 1_100, "{}", status.message().len());
        assert!(status.details().len() < 4_096, "{}", status.details().len());
    }
}
