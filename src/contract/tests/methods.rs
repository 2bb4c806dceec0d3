//! What is wrong with methods and their messages: the file loads, the method does not serve.

use super::{Draft, check, check_method, lines, load};
use crate::contract::{Answer, Shape};

const NAMED: &str = "message Track { option (google.api.resource) = { type: \"shop.example.com/Track\" \
    pattern: \"tracks/{track}\" }; string name = 1; string title = 2; }
message Tracks { repeated Track tracks = 1; string next_page_token = 2; }
message TrackChunk { repeated Track tracks = 1; string resume_token = 2; }
";

#[track_caller]
fn check_named(body: &str, expected: &str) {
    check(&format!("{NAMED}{body}"), expected);
}

#[test]
fn methods_without_a_shape_say_so() {
    check_method(
        "service S {\nrpc DoTrack(GetTrackRequest) returns (Track);\nrpc Getter(GetTrackRequest) returns (Track);\n\
         rpc BatchCreateTracks(GetTrackRequest) returns (Track);\n\
         rpc Import(GetTrackRequest) returns (google.longrunning.Operation);\n\
         rpc GetTracks(stream GetTrackRequest) returns (Track);\nrpc GetIt(GetTrackRequest) returns (stream Track);\n\
         rpc GetThat(GetTrackRequest) returns (GetTrackRequest);\nrpc StreamTracks(GetTrackRequest) returns (Track); }",
        "shop.proto:4: S.DoTrack: has no shape that is known: begin its name with Get, BatchGet, List or Stream, or say with (rowcall.v1.method) which function or query answers it\n\
         shop.proto:5: S.Getter: has no shape that is known: begin its name with Get, BatchGet, List or Stream, or say with (rowcall.v1.method) which function or query answers it\n\
         shop.proto:6: S.BatchCreateTracks: writes are not served yet: leave the method out, or call a function with (rowcall.v1.method)\n\
         shop.proto:7: S.Import: background work is not served yet: answer the result itself, or leave the method out\n\
         shop.proto:8: S.GetTracks: takes a stream of requests, which no method does: take one request\n\
         shop.proto:9: S.GetIt: returns a stream: let it return one message, or begin its name with Stream\n\
         shop.proto:10: S.GetThat: answers GetTrackRequest, which is no resource: give that message google.api.resource or (rowcall.v1.table)\n\
         shop.proto:11: S.StreamTracks: answers Track, which has no repeated resources: give it exactly one\n\
         shop.proto:11: S.StreamTracks: answers one message: let it return a stream, or begin its name with List",
    );
}

#[test]
fn a_get_request_names_one_row_in_one_way() {
    check_named(
        "message R { google.protobuf.FieldMask read_mask = 1; }\nservice S { rpc GetTrack(R) returns (Track); }",
        "shop.proto:4: R: does not say which Track: add string name",
    );
    check_named(
        "message R { int64 name = 1; string read_mask = 2; }\nservice S { rpc GetTrack(R) returns (Track); }",
        "shop.proto:4: R.name: field is int64: use string\n\
         shop.proto:4: R.read_mask: field is string: use google.protobuf.FieldMask",
    );
    check_named(
        "message R { string name = 1; string title = 2; }\nservice S { rpc GetTrack(R) returns (Track); }",
        "shop.proto:4: R: names a Track twice, by name and by key fields: keep one",
    );
    check_method(
        "message R { int32 track_id = 1; }\nservice S { rpc GetTrack(R) returns (Track); }",
        "shop.proto:3: R.track_id: field is int32, Track.track_id is int64: use int64",
    );
}

#[test]
fn a_batch_request_names_rows_in_one_way() {
    check_named(
        "message R { repeated string nams = 1; }\nmessage A { repeated Track tracks = 1; }\nservice S { rpc BatchGetTracks(R) returns (A); }",
        "shop.proto:4: R: does not say which Track: add repeated string names\n\
         shop.proto:4: R.nams: has no meaning in the request of BatchGet; did you mean \"names\"?: it may have names, read_mask, requests",
    );
    check_named(
        "message G { string name = 1; }\nmessage R { repeated string names = 1; repeated G requests = 2; }\n\
         message A { repeated Track tracks = 1; }\nservice S { rpc BatchGetTracks(R) returns (A); }",
        "shop.proto:5: R: names each Track twice, by names and by requests: keep one",
    );
    check_method(
        "message G { string name = 1; }\nmessage R { repeated G requests = 2; }\n\
         message A { repeated Track tracks = 1; }\nservice S { rpc BatchGetTracks(R) returns (A); }",
        "shop.proto:4: R.requests: repeats G, which is no Get request for Track: use that",
    );
}

#[test]
fn a_batch_has_a_parent_where_the_pattern_has_one() {
    let methods = "string name = 1; } message R { string parent = 1; repeated string names = 2; }\n\
                   message A { repeated Track tracks = 1; } service S { rpc BatchGetTracks(R) returns (A); }";
    let track = |pattern: &str| {
        format!(
            "message Track {{ option (google.api.resource) = \
             {{ type: \"shop.example.com/Track\" pattern: \"{pattern}\" }};\n{methods}"
        )
    };
    check(&track("albums/{album}/tracks/{track}"), "");
    check(
        &track("tracks/{track}"),
        "shop.proto:2: R.parent: has no meaning, because Track has no pattern with a parent: leave it out, or write such a pattern",
    );
}

#[test]
fn a_list_request_and_answer_are_checked_field_by_field() {
    check_named(
        "message R { int64 page_size = 1; string pagetoken = 2; string parent = 3; bool show_deleted = 4; int64 title = 5; int32 chunk_size = 6; }\n\
         service S { rpc ListTracks(R) returns (Tracks); }",
        "shop.proto:4: R.chunk_size: has no meaning in the request of List: it may have filter, order_by, page_size, page_token, read_mask, show_deleted, skip, and scalar fields of Track\n\
         shop.proto:4: R.page_size: field is int64: use int32\n\
         shop.proto:4: R.pagetoken: has no meaning in the request of List; did you mean \"page_token\"?: it may have filter, order_by, page_size, page_token, read_mask, show_deleted, skip, and scalar fields of Track\n\
         shop.proto:4: R.parent: has no meaning, because Track has no pattern with a parent: leave it out, or write such a pattern\n\
         shop.proto:4: R.show_deleted: asks for deleted rows, but Track has no soft_delete: name its column in (rowcall.v1.table), or leave the field out\n\
         shop.proto:4: R.title: field is int64, Track.title is string: use string",
    );
    check_named(
        "message R {}\nmessage A { repeated Track tracks = 1; repeated Track more = 2; string total_size = 3; string next_page_tokn = 4; }\n\
         service S { rpc ListTracks(R) returns (A); }",
        "shop.proto:5: A.next_page_tokn: has no meaning in the answer of List; did you mean \"next_page_token\"?: it may have the rows and next_page_token, total_size\n\
         shop.proto:5: A.total_size: field is string: use int32 or int64\n\
         shop.proto:6: S.ListTracks: answers A, which has 2 repeated resources: give it exactly one",
    );
    check_named(
        "message R { string page_token = 1; string resume_token = 2; string title = 3; }\nservice S { rpc StreamTracks(R) returns (stream TrackChunk); }",
        "shop.proto:4: R.page_token: has no meaning in the request of Stream: it may have chunk_size, filter, order_by, read_mask, resume_token, show_deleted, skip, and scalar fields of Track",
    );
}

#[test]
fn one_bad_method_leaves_the_others_serving() {
    let draft = Draft::new(&format!(
        "{NAMED}message R {{ string name = 1; }} service S {{ rpc GetTrack(R) returns (Track); rpc CreateTrack(R) returns (Track); }}"
    ));
    let contract = load(&draft.source()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
    let methods = &contract.services[0].methods;
    assert!(matches!(methods[0].shape, Ok(Shape::Get { resource: 0 })));
    assert!(methods[1].shape.as_ref().is_err_and(|problem| *problem == contract.problems[0]));
}

#[test]
fn queries_are_read_beside_the_contract_and_nowhere_else() {
    let method = |option: &str| {
        format!(
            "message R {{}} service S {{\nrpc Do(R) returns (R) {{ option (rowcall.v1.method) = {{ {option} }}; }} }}"
        )
    };
    for (option, text) in [
        ("", "(rowcall.v1.method) is empty: name a routine or a query"),
        ("routine: \" \"", "(rowcall.v1.method) is empty: name a routine or a query"),
        ("query: \"no.sql\"", "query \"no.sql\" does not exist: put it beside the contract"),
        (
            "query: \"../x.sql\"",
            "query \"../x.sql\" is outside the contract's folder: put it beside the contract",
        ),
        (
            "query: \"/etc/passwd\"",
            "query \"/etc/passwd\" is outside the contract's folder: put it beside the contract",
        ),
    ] {
        check(&method(option), &format!("shop.proto:2: S.Do: {text}"));
    }
    let draft = Draft::new(&method("query: \"link.sql\""));
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), draft.folder.path().join("link.sql")).unwrap();
    assert_eq!(
        super::problems(&draft.source()),
        "shop.proto:2: S.Do: query \"link.sql\" is outside the contract's folder: put it beside the contract\n"
    );
    let draft = Draft::new(&method("query: \"q.sql\""));
    draft.write("q.sql", " \n");
    assert_eq!(
        super::problems(&draft.source()),
        "shop.proto:2: S.Do: query \"q.sql\" is empty: write one statement\n"
    );
    draft.write("q.sql", &" ".repeat((1 << 20) + 1));
    assert_eq!(
        super::problems(&draft.source()),
        "shop.proto:2: S.Do: query \"q.sql\" is longer than 1048576 bytes: shorten it\n"
    );
}

#[test]
fn answers_of_functions_are_rows_or_lists_of_rows() {
    let answer = |signature: &str| {
        let draft = Draft::new(&format!(
            "message R {{ int64 a = 1; }} message L {{ repeated R rows = 1; }} service S {{ rpc Do(R) returns ({signature}) \
             {{ option (rowcall.v1.method) = {{ routine: \"f\" }}; }} }}"
        ));
        let contract = load(&draft.source()).unwrap_or_else(|problems| panic!("{}", lines(&problems)));
        match contract.services[0].methods[0].shape.clone() {
            Ok(Shape::Routine { answer, .. }) => answer,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(answer("R"), Answer::Message(_)));
    assert!(matches!(answer("L"), Answer::Repeated(rows) if rows.name() == "rows"));
    assert!(matches!(answer("stream R"), Answer::StreamOfMessages(_)));
    assert!(matches!(answer("stream L"), Answer::StreamOfChunks(_)));
}
