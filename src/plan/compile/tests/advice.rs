//! Which indexes are missed, and which serve already.

use crate::plan::fixture::Database;

fn advice(database: &Database, options: &str, fields: &str, list: &str) -> Vec<String> {
    let contract = format!(
        r#"service Shop {{ rpc ListTracks(ListTracksRequest) returns (ListTracksResponse); }}
        message ListTracksRequest {{ {list} }}
        message ListTracksResponse {{ repeated Track tracks = 1; }}
        message Album {{ option (rowcall.v1.table) = {{}}; int64 id = 1; string title = 2; repeated Track tracks = 3; }}
        message Track {{ option (rowcall.v1.table) = {{ {options} }}; int64 id = 1; string title = 2; bool live = 3; {fields} }}"#
    );
    let (_, report) = database.compile(&contract);
    assert_eq!(report.problems, []);
    report.advice.into_iter().map(|advice| format!("{}: {}", advice.problem.text, advice.statement)).collect()
}

fn tracks(index: impl FnOnce(Database) -> Database) -> Database {
    let tracks = Database::new()
        .table("album", "id int8 key, title text")
        .table("track", "id int8 key, title text, live bool, album_id int8");
    index(tracks.references("track_album_fkey", &["album_id"], "album", &["id"]))
}

const FOUND: &str = r#"found by Album: no index on "track" ("album_id"): CREATE INDEX CONCURRENTLY ON "public"."track" ("album_id");"#;

#[test]
fn children_are_found_by_an_index() {
    assert_eq!(advice(&tracks(|t| t), "", "", ""), [FOUND]);
    for index in ["album_id", "album_id desc", "album_id, title"] {
        assert_eq!(advice(&tracks(|t| t.index(index)), "", "", ""), Vec::<String>::new(), "{index}");
    }
    assert_eq!(advice(&tracks(|t| t.index("title, album_id")), "", "", ""), [FOUND]);
    let partial = tracks(|t| {
        let mut t = t.index("album_id");
        t.catalog.tables[1].indexes[1].partial = true;
        t
    });
    assert_eq!(advice(&partial, "", "", ""), [FOUND]);
}

#[test]
fn orders_that_are_open_want_an_index_in_either_direction() {
    let by_title = |index: &str| {
        advice(&tracks(|t| t.index("album_id").index(index)), "order_fields: \"title\"", "", "")
    };
    let wanted = [
        r#"ordered by title: no index on "track" ("title", "id"): CREATE INDEX CONCURRENTLY ON "public"."track" ("title", "id");"#,
    ];
    assert_eq!(by_title("album_id"), wanted);
    assert_eq!(by_title("title"), wanted);
    assert_eq!(by_title("title, id"), Vec::<String>::new());
    assert_eq!(by_title("title desc, id desc"), Vec::<String>::new());
    assert_eq!(by_title("title, id desc"), wanted);
    let unique = tracks(|t| t.index("album_id").unique("title"));
    assert_eq!(advice(&unique, "order_fields: \"title\"", "", ""), Vec::<String>::new());
}

#[test]
fn nulls_stand_where_the_order_wants_them() {
    let database = tracks(|t| {
        let mut t = t.index("album_id").index("title, id");
        t.catalog.tables[1].indexes[2].keys[0].nulls_first = true;
        t
    });
    assert_eq!(advice(&database, "order_fields: \"title\"", "", "").len(), 1);
}

#[test]
fn children_in_an_order_are_read_backwards_too() {
    let contract = |order: &str| {
        format!(
            r#"service Shop {{ rpc GetAlbum(GetAlbumRequest) returns (Album); }}
            message GetAlbumRequest {{ int64 id = 1; }}
            message Album {{ option (rowcall.v1.table) = {{}}; int64 id = 1;
              repeated Track tracks = 2 [(rowcall.v1.relation) = {{ order_by: "{order}" }}]; }}
            message Track {{ option (rowcall.v1.table) = {{}}; int64 id = 1; string title = 2; }}"#
        )
    };
    let missed = |index: &str, order: &str| {
        let (_, report) = tracks(|t| t.index(index)).compile(&contract(order));
        report.advice.into_iter().map(|advice| advice.statement).collect::<Vec<_>>()
    };
    let wanted = [r#"CREATE INDEX CONCURRENTLY ON "public"."track" ("album_id", "title", "id");"#];
    assert_eq!(missed("album_id", "title desc"), wanted);
    assert_eq!(missed("album_id, title, id", "title desc"), Vec::<String>::new());
    assert_eq!(missed("album_id, title, id", "title"), Vec::<String>::new());
    assert_eq!(missed("album_id desc, title, id", "title desc"), Vec::<String>::new());
}

#[test]
fn filters_that_are_open_want_an_index() {
    let open = r#"filter_fields: "title" filter_fields: "live" filter_fields: "album.title""#;
    assert_eq!(
        advice(&tracks(|t| t.index("album_id")), open, "Album album = 4;", ""),
        [
            r#"filtered by album.title: no index on "album" ("title"): CREATE INDEX CONCURRENTLY ON "public"."album" ("title");"#,
            r#"filtered by title: no index on "track" ("title"): CREATE INDEX CONCURRENTLY ON "public"."track" ("title");"#,
        ]
    );
    let title = r#"filter_fields: "title""#;
    assert_eq!(advice(&tracks(|t| t.index("album_id").index("title")), title, "", ""), Vec::<String>::new());
}

#[test]
fn a_list_by_a_field_wants_an_index() {
    let database = tracks(|t| t.index("album_id"));
    assert_eq!(
        advice(&database, "", "", "optional string title = 1; optional bool live = 2;"),
        [
            r#"kept by title: no index on "track" ("title"): CREATE INDEX CONCURRENTLY ON "public"."track" ("title");"#
        ]
    );
}

#[test]
fn a_table_in_between_is_read_from_the_near_side() {
    let contract = r#"service Shop { rpc GetAlbum(GetAlbumRequest) returns (Album); }
        message GetAlbumRequest { int64 id = 1; }
        message Album { option (rowcall.v1.table) = {}; int64 id = 1;
          repeated Track tracks = 2 [(rowcall.v1.relation) = { through: "album_track" }]; }
        message Track { option (rowcall.v1.table) = {}; int64 id = 1; }"#;
    let missed = |columns: &str| {
        let between = Database::new().table("album", "id int8 key").table("track", "id int8 key");
        let between = between
            .table("album_track", columns)
            .references("to_album", &["album"], "album", &["id"])
            .references("to_track", &["track"], "track", &["id"]);
        between.compile(contract).1.advice.into_iter().map(|advice| advice.statement).collect::<Vec<_>>()
    };
    assert_eq!(missed("album int8 key, track int8 key"), Vec::<String>::new());
    assert_eq!(
        missed("track int8 key, album int8 key"),
        [r#"CREATE INDEX CONCURRENTLY ON "public"."album_track" ("album");"#]
    );
}
