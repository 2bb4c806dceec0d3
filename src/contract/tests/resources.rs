//! What is wrong with messages and fields.

use super::{Draft, check, problems};

const ALBUM: &str = "message Album { option (google.api.resource) = { type: \"shop.example.com/Album\" \
    pattern: \"albums/{album}\" }; string name = 1; }
";

#[track_caller]
fn check_field(field: &str, expected: &str) {
    let body = format!(
        "{ALBUM}message Other {{}}\nmessage Track {{ option (rowcall.v1.table) = {{}}; int64 track_id = 1;\n{field}\n}} service S {{}}"
    );
    check(&body, expected);
}

#[track_caller]
fn check_table(table: &str, expected: &str) {
    let body = format!(
        "{ALBUM}message Track {{\noption (rowcall.v1.table) = {{ {table} }}; int64 track_id = 1; Album album = 2; }} service S {{}}"
    );
    check(&body, expected);
}

#[track_caller]
fn check_resource(resource: &str, fields: &str, expected: &str) {
    check(
        &format!(
            "{ALBUM}message Track {{\noption (google.api.resource) = {{ {resource} }};\n{fields} }} service S {{}}"
        ),
        expected,
    );
}

#[test]
fn a_resource_is_declared_wrongly() {
    check_resource(
        "type: \"shop.example.com/Track\" pattern: \"tracks/{Track}\"",
        "string name = 1;",
        "shop.proto:2: Track: pattern \"tracks/{Track}\" has the segment {Track}: write one variable in lower case with underscores, as in {track}",
    );
    check_resource(
        "type: \"shop.example.com/Track\" pattern: \"tracks/{track}\"",
        "int64 track_id = 1;",
        "shop.proto:2: Track: has a pattern but no field \"name\" for it: add string name, or leave the pattern out and name rows by key fields",
    );
    check_resource(
        "type: \"shop.example.com/Track\" pattern: \"tracks/{track}\" name_field: \"id\"",
        "string name = 1;",
        "shop.proto:2: Track: has a pattern but no field \"id\" for it: add string id, or leave the pattern out and name rows by key fields",
    );
    check_resource(
        "type: \"shop.example.com/Track\" pattern: \"tracks/{track}\"",
        "int64 name = 1;",
        "shop.proto:4: Track.name: holds the row's name, field is int64: use string",
    );
    check_resource(
        "type: \"shop.example.com/Track\" pattern: \"tracks/{track}\"",
        "string name = 1 [(rowcall.v1.column) = { name: \"n\" }];",
        "shop.proto:4: Track.name: is the row's name, which the pattern makes: leave (rowcall.v1.column) out",
    );
    check_resource(
        "type: \"Track\" pattern: \"tracks/{track}\"",
        "string name = 1;",
        "shop.proto:2: Track: resource type \"Track\" is not of the form domain/Kind: write one as example.com/Track",
    );
    check_resource(
        "type: \"shop.example.com/Album\" pattern: \"tracks/{track}\"",
        "string name = 1;",
        "shop.proto:2: Track: resource type \"shop.example.com/Album\" is Album's already: give each its own",
    );
}

#[test]
fn a_field_says_what_it_cannot_mean() {
    check_field(
        "string album = 2 [(google.api.resource_reference).type = \"shop.example.com/Albums\"];",
        "shop.proto:4: Track.album: refers to \"shop.example.com/Albums\", which no message declares; did you mean \"shop.example.com/Album\"?: correct the type, or declare it with google.api.resource",
    );
    check_field(
        "int64 album = 2 [(google.api.resource_reference).type = \"shop.example.com/Album\"];",
        "shop.proto:4: Track.album: refers to another row, field is int64: use string",
    );
    check_field(
        "Other other = 2 [(rowcall.v1.relation) = { foreign_key: \"x\" }];",
        "shop.proto:4: Track.other: has (rowcall.v1.relation), but shop.v1.Other is no resource: give that message (rowcall.v1.table), or leave the option out",
    );
    check_field(
        "Album album = 2 [(rowcall.v1.column) = { name: \"x\" }];",
        "shop.proto:4: Track.album: is a relation, which has no column: use (rowcall.v1.relation)",
    );
    check_field(
        "repeated Album albums = 2 [(rowcall.v1.relation) = { limit: -1 }];",
        "shop.proto:4: Track.albums: has the limit -1: use a positive one, or none for 100",
    );
    check_field(
        "Album album = 2 [(rowcall.v1.relation) = { limit: 5 through: \"x\" }];",
        "shop.proto:4: Track.album: leads to one row, where limit says nothing: make it repeated, or leave that out\n\
         shop.proto:4: Track.album: leads to one row, where through says nothing: make it repeated, or leave that out",
    );
    check_field(
        "int32 length = 2 [(rowcall.v1.column) = { unit: SECONDS }];",
        "shop.proto:4: Track.length: has a unit, field is int32: use google.protobuf.Duration, or leave the unit out",
    );
    check_field(
        "int32 length = 2 [(rowcall.v1.column) = { name: \"\" }];",
        "shop.proto:4: Track.length: has an empty column name: write it, or leave it out for the field's own",
    );
    check_field(
        "string any = 2 [(google.api.resource_reference).type = \"*\"]; repeated Other others = 3; map<string, Album> m = 4;",
        "",
    );
}

#[test]
fn a_table_says_what_its_message_cannot_mean() {
    check_table(
        "filter_fields: \"track_idd\" order_fields: \"album.title\" filter_fields: \"track_id.x\"",
        "shop.proto:2: Track: filter_fields names \"track_id.x\": track_id is int64 and has no fields\n\
         shop.proto:2: Track: filter_fields names \"track_idd\": no field \"track_idd\" in Track; did you mean \"track_id\"?\n\
         shop.proto:2: Track: order_fields names \"album.title\": no field \"title\" in Album",
    );
    check_table(
        "key: \"a\" key: \"a\" key: \"\"",
        "shop.proto:2: Track: key has an empty column name: leave it out\n\
         shop.proto:2: Track: key names the column \"a\" twice: name it once",
    );
    check_table(
        "variables: { variable: \"track\" column: \"x\" }",
        "shop.proto:2: Track: variables names {track}, which no pattern has: correct it, or leave it out",
    );
    check_table(
        "foreign_keys: { id: \"x\" } foreign_keys: { columns: \"a\" columns: \"b\" table: \"t\" target_columns: \"c\" }",
        "shop.proto:2: Track: foreign key \"x\" has no columns: name this table's\n\
         shop.proto:2: Track: foreign key \"x\" has no table: name the one it refers to\n\
         shop.proto:2: Track: foreign key 2 has 2 columns and 1 target_columns: pair them, or leave target_columns out",
    );
    check(
        "message Track { option (rowcall.v1.table) = {}; } service S {}",
        "shop.proto:1: Track: has no field for a column: declare at least the key",
    );
}

#[test]
fn problems_of_resources_and_methods_are_told_at_once() {
    let draft = Draft::new(
        "\nmessage Track { option (rowcall.v1.table) = {}; int64 track_id = 1 [(rowcall.v1.column) = { unit: DAYS }]; }\n\
         message GetTrackRequest { int64 track_id = 1; bool deep = 2; }\n\
         service S { rpc GetTrack(GetTrackRequest) returns (Track); rpc DeleteTrack(GetTrackRequest) returns (Track); }",
    );
    draft.write("b/other.proto", "syntax = \"proto3\"; import \"rowcall/v1/options.proto\";\nmessage Empty { option (rowcall.v1.table) = {}; }");
    assert_eq!(
        problems(&draft.source()),
        "b/other.proto:2: Empty: has no field for a column: declare at least the key\n\
         shop.proto:2: Track.track_id: has a unit, field is int64: use google.protobuf.Duration, or leave the unit out\n\
         shop.proto:3: GetTrackRequest.deep: has no meaning in the request of Get: it may have read_mask, and scalar fields of Track\n\
         shop.proto:4: S.DeleteTrack: writes are not served yet: leave the method out, or call a function with (rowcall.v1.method)\n"
    );
}
