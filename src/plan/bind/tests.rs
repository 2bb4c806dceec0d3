//! Whole requests in, what is asked of the database or everything that is wrong out.

use std::sync::LazyLock;
use std::time::Duration;

use prost::Message as _;
use prost_reflect::DynamicMessage;

use super::*;
use crate::call::{Hints, Scope, Total as Counted, TotalWanted};
use crate::plan::fixture::{Database, resource};
use crate::plan::method::Kind;
use crate::plan::query::{Deleted, Output};
use crate::plan::token::{self, Keys, Position};
use crate::plan::{Method, Plans};

const CONTRACT: &str = r#"
service Shop {
  rpc GetTrack(GetTrackRequest) returns (Track);
  rpc BatchGetTracks(BatchGetTracksRequest) returns (BatchGetTracksResponse);
  rpc ListTracks(ListTracksRequest) returns (ListTracksResponse);
  rpc StreamTracks(StreamTracksRequest) returns (stream StreamTracksResponse);
  rpc GetPlay(GetPlayRequest) returns (Play);
  rpc BatchGetPlays(BatchGetPlaysRequest) returns (BatchGetPlaysResponse);
  rpc ListPlays(ListPlaysRequest) returns (ListPlaysResponse);
  rpc Top(TopRequest) returns (TopResponse) { option (rowcall.v1.method) = { routine: "top" }; }
}
message GetTrackRequest { string name = 1; google.protobuf.FieldMask read_mask = 2; }
message BatchGetTracksRequest { repeated string names = 1; google.protobuf.FieldMask read_mask = 2; }
message BatchGetTracksResponse { repeated Track tracks = 1; }
message ListTracksRequest {
  string parent = 1; int32 page_size = 2; string page_token = 3; string filter = 4; string order_by = 5;
  google.protobuf.FieldMask read_mask = 6; int32 skip = 7; bool show_deleted = 8;
}
message ListTracksResponse { repeated Track tracks = 1; string next_page_token = 2; int32 total_size = 3; }
message StreamTracksRequest { string parent = 1; int32 chunk_size = 2; string resume_token = 3; }
message StreamTracksResponse { repeated Track tracks = 1; string resume_token = 2; }
message Track {
  option (google.api.resource) = { type: "shop.example.com/Track" pattern: "albums/{album}/tracks/{number}" };
  option (rowcall.v1.table) = { soft_delete: "deleted_at" };
  string name = 1;
  string title = 2;
}
message GetPlayRequest { string track = 1; optional int64 day = 2; google.protobuf.FieldMask read_mask = 3; }
message BatchGetPlaysRequest { repeated GetPlayRequest requests = 1; }
message BatchGetPlaysResponse { repeated Play plays = 1; }
message ListPlaysRequest { string track = 1; int64 day = 2; optional int64 times = 3; }
message ListPlaysResponse { repeated Play plays = 1; }
message Play {
  option (rowcall.v1.table) = {};
  string track = 1 [(google.api.resource_reference).type = "shop.example.com/Track",
                    (rowcall.v1.column) = { name: "album_id" name: "number" }];
  int64 day = 2;
  int64 times = 3;
}
message TopRequest { string country = 1; int32 most = 2; optional int32 year = 3; }
message TopResponse { repeated TopRow rows = 1; }
message TopRow { string title = 1; }
"#;

pub(super) static PLANS: LazyLock<Plans> = LazyLock::new(|| {
    let database = Database::new()
        .table("track", "album_id int8 key, number int4 key, title text, deleted_at timestamptz null")
        .table("play", "album_id int8 key, number int4 key, day int8 key, times int8")
        .function("top", "country text, most int4 default, year int4", "title text");
    let (plans, report) = database.compile(CONTRACT);
    assert_eq!(report.problems, []);
    plans
});

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new([7; 32], []));

pub(super) const NOW: u64 = 1_000_000;

pub(super) fn method(name: &str) -> &'static Method {
    &PLANS.methods[&format!("/shop.v1.Shop/{name}")]
}

fn request(name: &str, json: &str) -> Request {
    let mut read = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(method(name).input.clone(), &mut read).expect("a request");
    Request::decode(&PLANS, &method(name).input, message.encode_to_vec().into()).expect("it decodes")
}

/// `field: what is wrong`, all of it.
fn refused<T: std::fmt::Debug>(bound: Result<T, Failure>) -> Vec<String> {
    match bound.expect_err("it is refused") {
        Failure::Refused(refusal) => {
            refusal.violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect()
        }
        Failure::Unfit(unfit) => panic!("{unfit:?}"),
    }
}

fn looked_up(name: &str, json: &str) -> Result<Lookup, Failure> {
    match method(name).kind {
        Kind::Get { resource } => {
            let wanted = get(&PLANS, resource, request(name, json), &Hints::default())?;
            Lookup::new(&PLANS, resource, &wanted.mask, vec![wanted.key])
        }
        Kind::BatchGet { resource, .. } => {
            batch_get(&PLANS, resource, request(name, json), &Hints::default(), &Limits::default())
                .map(|(_, lookup)| lookup)
        }
        _ => panic!("{name} is no lookup"),
    }
}

/// The keys, each value as text.
fn keys(name: &str, json: &str) -> Vec<Vec<String>> {
    let lookup = looked_up(name, json).expect("it is bound");
    let resource = &PLANS.resources[lookup.resource];
    let text = |(at, bytes): (usize, &bytes::Bytes)| {
        let mut text = String::new();
        resource.columns[resource.key[at]].value.format(bytes, &mut text);
        text
    };
    lookup.keys.iter().map(|key| key.iter().enumerate().map(text).collect()).collect()
}

fn listed_with(name: &str, json: &str, hints: &Hints, now: u64) -> Result<Listing, Failure> {
    let (Kind::List { resource, .. } | Kind::Stream { resource, .. }) = method(name).kind else {
        panic!("{name} is no list")
    };
    let context = Context {
        plans: &PLANS,
        method: method(name),
        resource,
        hints,
        scope: &Scope::default(),
        limits: &Limits::default(),
        keys: &KEYS,
        now,
    };
    list(&context, request(name, json))
}

fn listed(name: &str, json: &str) -> Result<Listing, Failure> {
    listed_with(name, json, &Hints::default(), NOW)
}

fn bound(name: &str, json: &str) -> Listing {
    listed(name, json).expect("it is bound")
}

/// `column=value`, for each that rows have to equal.
fn equals(name: &str, json: &str) -> Vec<String> {
    let listing = bound(name, json);
    let resource = &PLANS.resources[listing.select.resource];
    let text = |(column, param): &(usize, crate::sql::Param)| {
        let column = &resource.columns[*column];
        let mut text = format!("{}=", column.name.as_str());
        column.value.format(param.value.as_ref().expect("a value"), &mut text);
        text
    };
    listing.select.equals.iter().map(text).collect()
}

#[test]
fn a_name_is_a_key() {
    assert_eq!(keys("GetTrack", r#"{"name":"albums/7/tracks/2"}"#), [["7", "2"]]);
    assert_eq!(
        refused(looked_up("GetTrack", r#"{"name":"albums/07/tracks/2","readMask":"titel"}"#)),
        [
            r#"read_mask: no field "titel" in Track; did you mean "title"?"#,
            "name: {album} is not in canonical form: write 7",
        ]
    );
    assert_eq!(
        refused(looked_up("GetTrack", "{}")),
        [r#"name: is empty: give a name like "albums/{album}/tracks/{number}""#]
    );
}

#[test]
fn key_fields_are_a_key_with_a_reference_for_several_columns() {
    let whole = r#"{"track":"albums/7/tracks/2","day":"0"}"#;
    assert_eq!(keys("GetPlay", whole), [["7", "2", "0"]]);
    assert_eq!(refused(looked_up("GetPlay", r#"{"track":"albums/7/tracks/2"}"#)), ["day: is missing"]);
    assert_eq!(
        refused(looked_up("GetPlay", r#"{"track":"tracks/2","day":"1"}"#)),
        [r#"track: "tracks/2" is not of the form "albums/{album}/tracks/{number}""#]
    );
}

#[test]
fn a_batch_keeps_its_order_and_says_which_is_wrong() {
    let twice = r#"{"names":["albums/2/tracks/1","albums/1/tracks/1","albums/2/tracks/1"]}"#;
    assert_eq!(keys("BatchGetTracks", twice), [["2", "1"], ["1", "1"], ["2", "1"]]);
    assert_eq!(
        refused(looked_up("BatchGetTracks", r#"{"names":["x","albums/1/tracks/1","albums/a/tracks/1"]}"#))
            .len(),
        2
    );
    assert_eq!(refused(looked_up("BatchGetTracks", "{}")), ["names: is empty: ask for at least one row"]);
    let requests = r#"{"requests":[{"track":"albums/1/tracks/1","day":"3"},{"track":"albums/1/tracks/1"}]}"#;
    assert_eq!(refused(looked_up("BatchGetPlays", requests)), ["requests[1].day: is missing"]);
    let many = format!(r#"{{"names":[{}]}}"#, vec!["\"albums/1/tracks/1\""; 1001].join(","));
    assert_eq!(
        refused(looked_up("BatchGetTracks", &many)),
        ["names: asks for 1001 rows: at most 1000 at once"]
    );
}

#[test]
fn a_parent_settles_columns_and_a_dash_means_all() {
    assert_eq!(equals("ListTracks", r#"{"parent":"albums/7"}"#), ["album_id=7"]);
    assert_eq!(equals("ListTracks", r#"{"parent":"albums/-"}"#), Vec::<String>::new());
    assert_eq!(
        refused(listed("ListTracks", "{}")),
        [r#"parent: is empty: give a name like "albums/{album}""#]
    );
}

#[test]
fn fields_of_a_list_keep_the_rows_equal_to_them() {
    assert_eq!(
        equals("ListPlays", r#"{"track":"albums/7/tracks/2","day":"3"}"#),
        ["album_id=7", "number=2", "day=3"]
    );
    // Without presence a zero cannot be told from nothing, which keeps every row.
    assert_eq!(equals("ListPlays", r#"{"day":"0","times":"0"}"#), ["times=0"]);
    assert_eq!(
        refused(listed("ListPlays", r#"{"track":"albums/x/tracks/2"}"#)).len(),
        1,
        "a reference that is no name is refused, not left out"
    );
}

#[test]
fn sizes_have_a_default_and_a_most_and_are_never_negative() {
    let page = |size: i64| bound("ListTracks", &format!(r#"{{"parent":"albums/-","pageSize":{size}}}"#)).page;
    assert_eq!((page(0), page(7), page(100_000)), (50, 7, 1_000));
    assert_eq!(
        refused(listed(
            "ListTracks",
            r#"{"parent":"albums/-","pageSize":-1,"skip":-2,"filter":"x","orderBy":"y"}"#
        )),
        [
            r#"filter: "x" stands alone; say what of it, as in x:* or title:"x""#,
            r#"order_by: no field "y" in Track"#,
            "page_size: is -1: it cannot be negative",
            "skip: is -2: it cannot be negative",
        ]
    );
    assert_eq!(bound("StreamTracks", r#"{"parent":"albums/-","chunkSize":3}"#).page, 3);
}

#[test]
fn deleted_rows_are_hidden_unless_asked_for() {
    let deleted = |json: &str| bound("ListTracks", json).select.deleted;
    assert_eq!(deleted(r#"{"parent":"albums/-"}"#), Deleted::Hidden);
    assert_eq!(deleted(r#"{"parent":"albums/-","showDeleted":true}"#), Deleted::Shown);
}

#[test]
fn only_what_is_asked_for_is_selected_besides_key_and_order() {
    let listing = bound("ListTracks", r#"{"parent":"albums/-","readMask":"title","orderBy":"title desc"}"#);
    let track = &PLANS.resources[resource(&PLANS, "Track")];
    let names: Vec<&str> = listing
        .select
        .outputs
        .iter()
        .map(|output| match output {
            Output::Column { column, .. } => track.columns[*column].name.as_str(),
            Output::Order(_) => "<",
            Output::Ordinal => "#",
        })
        .collect();
    // The order's columns are there already, and are not asked for twice.
    assert_eq!(names, ["title", "album_id", "number"]);
    assert_eq!(listing.position, [0, 1, 2]);
    assert_eq!(listing.projection.fields.len(), 1);
}

#[test]
fn a_mask_is_given_once() {
    let hints = Hints { read_mask: Some("name, title".to_owned()), ..Hints::default() };
    let listing = listed_with("ListTracks", r#"{"parent":"albums/-"}"#, &hints, NOW).expect("it is bound");
    assert_eq!(listing.projection.fields.len(), 2);
    let twice = listed_with("ListTracks", r#"{"parent":"albums/-","readMask":"title"}"#, &hints, NOW);
    assert_eq!(refused(twice), ["rowcall-read-mask: is given twice, in read_mask too: give it once"]);
}

#[test]
fn a_token_goes_on_where_it_was_made_and_nowhere_else() {
    let first = bound("ListTracks", r#"{"parent":"albums/7","orderBy":"title","pageSize":2}"#);
    assert_eq!(first.total, Total::Wanted(TotalWanted::Estimated));
    let values =
        vec![Some("Go".into()), Some(vec![0, 0, 0, 0, 0, 0, 0, 7].into()), Some(vec![0, 0, 0, 2].into())];
    let position = Position { values: values.clone(), total: Some(Counted::Exact(9)) };
    let token = token::seal(&KEYS, &first.bound.binding(), &position, NOW);
    let with = |rest: &str| format!(r#"{{"pageToken":"{token}",{rest}}}"#);
    let next = bound("ListTracks", &with(r#""parent":"albums/7","orderBy":"title","pageSize":5"#));
    assert_eq!((next.select.after, next.total), (Some(values), Total::Known(Counted::Exact(9))));
    for (request, differs) in [
        (r#""parent":"albums/8","orderBy":"title""#, "parent"),
        (r#""parent":"albums/-","orderBy":"title""#, "parent"),
        (r#""parent":"albums/7","orderBy":"title desc""#, "order_by"),
        (r#""parent":"albums/7","orderBy":"title","filter":"title:\"a\"""#, "filter"),
        (r#""parent":"albums/7","orderBy":"title","showDeleted":true"#, "show_deleted"),
        (r#""parent":"albums/7""#, "order_by"),
    ] {
        assert_eq!(
            refused(listed("ListTracks", &with(request))),
            [format!("page_token: made for another {differs}; start again without it")]
        );
    }
    let late = NOW + Limits::default().token_age_max.as_secs() + Duration::from_secs(7_200).as_secs();
    let same = with(r#""parent":"albums/7","orderBy":"title""#);
    assert_eq!(
        refused(listed_with("ListTracks", &same, &Hints::default(), late)),
        ["page_token: older than 3 days; start again without it"]
    );
    let resumed = format!(r#"{{"parent":"albums/7","resumeToken":"{token}"}}"#);
    assert_eq!(
        refused(listed("StreamTracks", &resumed)),
        ["resume_token: made for another method; start again without it"]
    );
}

#[test]
fn totals_are_counted_when_somebody_asks() {
    assert_eq!(bound("ListPlays", "{}").total, Total::Unwanted);
    let hints = Hints { total: Some(TotalWanted::Exact), ..Hints::default() };
    let listing = listed_with("ListPlays", "{}", &hints, NOW).expect("it is bound");
    assert_eq!(listing.total, Total::Wanted(TotalWanted::Exact));
}

#[test]
fn a_functions_defaults_are_left_to_it() {
    let Kind::Function(top) = &method("Top").kind else { panic!() };
    let params = |json: &str| {
        let params = function(top, request("Top", json)).expect("it is bound");
        params.into_iter().map(|param| param.map(|param| param.value)).collect::<Vec<_>>()
    };
    // A zero without presence is said, unless the argument has a default; what is absent is NULL.
    assert_eq!(params("{}"), [Some(Some("".into())), None, Some(None)]);
    let four = |n: u8| Some(Some(bytes::Bytes::from(vec![0, 0, 0, n])));
    assert_eq!(params(r#"{"country":"CH","most":3,"year":0}"#), [Some(Some("CH".into())), four(3), four(0)]);
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let decoded = Request::decode(&PLANS, &method("GetTrack").input, vec![0xff].into());
    assert_eq!(
        refused(decoded),
        [": the request is no shop.v1.GetTrackRequest: send the message the contract says"]
    );
}
