//! Tables, columns, keys and names.

use super::{nothing_is_said, said};
use crate::catalog::Collation;
use crate::plan::fixture::{Database, resource};
use crate::plan::method::Kind;
use crate::plan::resource::Source;

/// A Track of the message's fields, and a method for it.
fn track(options: &str, fields: &str) -> String {
    format!(
        r#"service Shop {{ rpc ListTracks(ListTracksRequest) returns (ListTracksResponse); }}
        message ListTracksRequest {{ int32 page_size = 1; }}
        message ListTracksResponse {{ repeated Track tracks = 1; }}
        message Track {{ {options} {fields} }}"#
    )
}

const TABLE: &str = "option (rowcall.v1.table) = {};";
const NAMED: &str =
    r#"option (google.api.resource) = { type: "shop.example.com/Track" pattern: "tracks/{track}" };"#;

fn problems(database: &Database, options: &str, fields: &str) -> Vec<String> {
    let (plans, report) = database.compile(&track(options, fields));
    let fits = plans.resources[resource(&plans, "Track")].problems.is_empty();
    let method = &plans.methods["/shop.v1.Shop/ListTracks"].kind;
    assert_eq!(matches!(method, Kind::Unfit(_)), !fits, "a method serves as its resource does");
    said(&report.problems)
}

fn losses(database: &Database, options: &str, fields: &str) -> Vec<String> {
    let (_, report) = database.compile(&track(options, fields));
    assert_eq!(said(&report.problems), Vec::<String>::new());
    said(&report.losses)
}

#[test]
fn a_table_is_found_by_plural_singular_or_option() {
    for name in ["tracks", "track"] {
        let database = Database::new().table(name, "id int8 key");
        assert_eq!(problems(&database, TABLE, "int64 id = 1;"), Vec::<String>::new(), "{name}");
    }
    let database = Database::new().table("audio.songs", "id int8 key");
    let told = r#"option (rowcall.v1.table) = { name: "songs" schema: "audio" };"#;
    assert_eq!(problems(&database, told, "int64 id = 1;"), Vec::<String>::new());
}

#[test]
fn a_missing_table_is_told_with_the_nearest() {
    let database = Database::new().table("tracs", "id int8 key");
    assert_eq!(
        problems(&database, TABLE, "int64 id = 1;"),
        [
            r#"Track: no table "tracks" or "track" in the search path (public); did you mean "tracs"?: create it, or name another by (rowcall.v1.table).name"#
        ]
    );
    let told = r#"option (rowcall.v1.table) = { name: "songs" schema: "audio" };"#;
    assert_eq!(
        problems(&Database::new(), told, "int64 id = 1;"),
        [r#"Track: no table "songs" in schema "audio": create it, or correct (rowcall.v1.table).name"#]
    );
}

#[test]
fn a_missing_column_is_told_with_the_nearest() {
    let database = Database::new().table("track", "id int8 key, title text");
    assert_eq!(
        problems(&database, TABLE, "int64 id = 1; string titel = 2;"),
        [
            r#"Track.titel: table "track" has no column "titel"; did you mean "title"?: add it, or name another by (rowcall.v1.column).name"#
        ]
    );
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    let database = Database::new().table("track", "id int8 key, title varchar, secret text hidden");
    assert_eq!(
        problems(&database, TABLE, "int64 id = 1; int64 title = 2; string secret = 3; string gone = 4;"),
        [
            r#"Track.gone: table "track" has no column "gone": add it, or name another by (rowcall.v1.column).name"#,
            r#"Track.secret: the role may not SELECT column "track.secret": GRANT it, or leave the field out"#,
            r#"Track.title: column "track.title" is varchar, field is int64: use string"#,
        ]
    );
}

#[test]
fn of_several_column_names_the_first_that_exists_is_served() {
    let field = r#"int64 id = 1; string title = 2 [(rowcall.v1.column) = { name: "name" name: "title" }];"#;
    for (columns, expected) in [
        ("id int8 key, name text", "name"),
        ("id int8 key, title text", "title"),
        ("id int8 key, title text, name text", "name"),
    ] {
        let (plans, report) = Database::new().table("track", columns).compile(&track(TABLE, field));
        nothing_is_said(&report);
        let track = &plans.resources[resource(&plans, "Track")];
        let Source::Column { column, .. } = track.field("title").unwrap().source else { panic!() };
        assert_eq!(track.columns[column].name.as_str(), expected);
    }
    assert_eq!(
        problems(&Database::new().table("track", "id int8 key"), TABLE, field),
        [
            r#"Track.title: table "track" has no column "name" or "title": add it, or name another by (rowcall.v1.column).name"#
        ]
    );
}

#[test]
fn null_under_a_field_without_presence_is_a_loss() {
    let database = Database::new().table("track", "id int8 key, note text null");
    assert_eq!(
        losses(&database, TABLE, "int64 id = 1; string note = 2;"),
        [
            r#"Track.note: column "track.note" may be NULL, which the field cannot tell from its zero value: make the field optional"#
        ]
    );
    assert_eq!(losses(&database, TABLE, "int64 id = 1; optional string note = 2;"), Vec::<String>::new());
}

#[test]
fn what_has_no_key_is_not_served() {
    let keyless = [
        "ListTracks: Track has no key to find, order or page rows by: add a primary key, or give (rowcall.v1.table).key",
    ];
    let (plans, report) =
        Database::new().view("track", "id int8, title text").compile(&track(TABLE, "int64 id = 1;"));
    assert_eq!(said(&report.problems), keyless);
    assert!(matches!(plans.methods["/shop.v1.Shop/ListTracks"].kind, Kind::Unfit(_)));
    let database = Database::new().view("track", "id int8, title text");
    assert_eq!(
        problems(&database, NAMED, "string name = 1;")[0],
        "Track: has a resource name but its table has no key: add a primary key, or give (rowcall.v1.table).key"
    );
    let told = r#"option (rowcall.v1.table) = { key: "id" };"#;
    let (plans, report) = database.compile(&track(told, "int64 id = 1;"));
    nothing_is_said(&report);
    let track = &plans.resources[resource(&plans, "Track")];
    assert!(!track.columns[track.key[0]].nullable, "a view's key is taken at the option's word");
}

#[test]
fn a_key_that_is_told_is_doubted_where_nothing_constrains_it() {
    let told = r#"option (rowcall.v1.table) = { key: "a" key: "b" };"#;
    let fields = "int64 a = 1; int64 b = 2;";
    let doubt = |why: &str| {
        vec![format!(
            "Track: key (a, b) {why}, and rows that share a key are lost between pages: constrain it, or give another by (rowcall.v1.table).key"
        )]
    };
    let database = Database::new().table("track", "a int8, b int8");
    assert_eq!(losses(&database, told, fields), doubt("is not known to be unique"));
    assert_eq!(losses(&database.unique("b, a"), told, fields), Vec::<String>::new());
    let fields = "int64 a = 1; optional int64 b = 2;";
    let database = Database::new().table("track", "a int8, b int8 null").unique("a, b");
    assert_eq!(losses(&database, told, fields), doubt("may be NULL"));
    let (plans, _) = database.compile(&track(told, fields));
    let track = &plans.resources[resource(&plans, "Track")];
    assert!(track.columns[track.key[1]].nullable, "pages must not lose its NULLs");
}

#[test]
fn options_name_columns_that_exist_and_may_be_read() {
    let database = Database::new().table("track", "id int8 key, removed_at timestamptz null hidden");
    let told = r#"option (rowcall.v1.table) = { key: "idd" soft_delete: "deleted_at" };"#;
    assert_eq!(
        problems(&database, told, "int64 id = 1;"),
        [
            r#"Track: (rowcall.v1.table).key names "idd", but table "track" has no such column; did you mean "id"?: add it, or name another"#,
            r#"Track: (rowcall.v1.table).soft_delete names "deleted_at", but table "track" has no such column; did you mean "removed_at"?: add it, or name another"#,
        ]
    );
    let told = r#"option (rowcall.v1.table) = { soft_delete: "removed_at" };"#;
    assert_eq!(
        problems(&database, told, "int64 id = 1;"),
        [
            r#"Track: the role may not SELECT column "track.removed_at": GRANT it, for it says which rows are deleted"#
        ]
    );
    let database = Database::new().table("track", "id int8 key hidden, title text");
    assert_eq!(
        problems(&database, TABLE, "string title = 1;"),
        [r#"Track: the role may not SELECT column "track.id": GRANT it, for it is part of the key"#]
    );
}

#[test]
fn a_pattern_names_every_column_of_the_key() {
    let database = Database::new().table("track", "album_id int8 key, number int4 key");
    let pattern = |pattern: &str| {
        let named = format!(
            r#"option (google.api.resource) = {{ type: "shop.example.com/Track" pattern: "{pattern}" }};"#
        );
        problems(&database, &named, "string name = 1;")
    };
    assert_eq!(pattern("albums/{album}/tracks/{number}"), Vec::<String>::new());
    assert_eq!(
        pattern("albums/{album}"),
        [
            r#"Track: no pattern variable stands for key column "number": a name has to tell rows apart, so add it to the pattern or settle it by (rowcall.v1.table).variables"#
        ]
    );
    assert_eq!(
        pattern("albums/{album}/tracks/{track}"),
        [
            "Track: pattern variable {track} is no key column (album_id, number): rename it, or settle it by (rowcall.v1.table).variables"
        ]
    );
    let told = r#"option (google.api.resource) = { type: "shop.example.com/Track" pattern: "albums/{album}/tracks/{track}" };
        option (rowcall.v1.table) = { variables: { variable: "track" column: "number" } };"#;
    assert_eq!(problems(&database, told, "string name = 1;"), Vec::<String>::new());
}

#[test]
fn a_reference_by_several_variables_names_all_its_columns() {
    let contract = |columns: &str| {
        format!(
            r#"service Shop {{ rpc GetPlay(GetPlayRequest) returns (Play); }}
            message GetPlayRequest {{ int64 id = 1; }}
            message Play {{
              option (rowcall.v1.table) = {{}};
              int64 id = 1;
              string track = 2 [(google.api.resource_reference).type = "shop.example.com/Track"{columns}];
            }}
            message Track {{
              option (google.api.resource) = {{ type: "shop.example.com/Track" pattern: "albums/{{album}}/tracks/{{number}}" }};
              string name = 1;
            }}"#
        )
    };
    let database = Database::new()
        .table("track", "album_id int8 key, number int4 key")
        .table("play", "id int8 key, album_id int8, track_number int4");
    let (_, report) = database.compile(&contract(""));
    assert_eq!(
        said(&report.problems),
        [
            r#"Play.track: refers to "shop.example.com/Track", whose names take several columns: give them all, in the pattern's order, by (rowcall.v1.column).name"#
        ]
    );
    let told = r#", (rowcall.v1.column) = { name: "album_id" name: "track_number" }"#;
    let (plans, report) = database.compile(&contract(told));
    nothing_is_said(&report);
    let play = &plans.resources[resource(&plans, "Play")];
    let Source::Reference(pattern) = &play.field("track").unwrap().source else { panic!() };
    let columns: Vec<&str> = pattern.columns().map(|column| play.columns[column].name.as_str()).collect();
    assert_eq!(columns, ["album_id", "track_number"]);
    let told = r#", (rowcall.v1.column) = { name: "album_id" name: "number" }"#;
    let (_, report) = database.compile(&contract(told));
    assert_eq!(
        said(&report.problems),
        [
            r#"Play.track: table "play" has no column "number": add it, or name another by (rowcall.v1.column).name"#
        ]
    );
}

#[test]
fn a_get_says_the_whole_key_and_nothing_else() {
    let contract = |request: &str| {
        format!(
            r#"service Shop {{ rpc GetTrack(GetTrackRequest) returns (Track); }}
            message GetTrackRequest {{ {request} }}
            message Track {{ option (rowcall.v1.table) = {{}}; int64 album_id = 1; int32 number = 2; string title = 3; }}"#
        )
    };
    let database = Database::new().table("track", "album_id int8 key, number int4 key, title text");
    let problems = |request: &str| said(&database.compile(&contract(request)).1.problems);
    assert_eq!(problems("int64 album_id = 1; int32 number = 2;"), Vec::<String>::new());
    assert_eq!(
        problems("int64 album_id = 1;"),
        [r#"GetTrack: the request does not say key column "number": add the field of Track that shows it"#]
    );
    assert_eq!(
        problems("int64 album_id = 1; int32 number = 2; string title = 3;"),
        [r#"GetTrack: request field "title" is no part of the key of Track: leave it out"#]
    );
}

#[test]
fn a_nondeterministic_collation_is_remembered() {
    let mut database = Database::new().table("track", "id int8 key, title text");
    let collation = Collation { schema: "public".into(), name: "folded".into(), deterministic: false };
    database.catalog.tables[0].columns[1].collation = Some(collation);
    let (plans, _) = database.compile(&track(TABLE, "int64 id = 1; string title = 2;"));
    let track = &plans.resources[resource(&plans, "Track")];
    assert_eq!(track.columns.iter().map(|c| c.deterministic).collect::<Vec<_>>(), [true, false]);
}
