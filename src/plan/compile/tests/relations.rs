//! Foreign keys, tables in between, and what fails with a relation's target.

use super::{nothing_is_said, said};
use crate::contract::Problem;
use crate::plan::fixture::{Database, resource};
use crate::plan::mask;
use crate::plan::query::Direction;
use crate::plan::relation::{Cardinality, Link};
use crate::plan::resource::Resource;
use crate::plan::{Plans, Projection, filter, order};

/// Albums and tracks, with more fields of each.
fn contract(album: &str, track: &str) -> String {
    format!(
        r#"service Shop {{
          rpc GetAlbum(GetAlbumRequest) returns (Album);
          rpc GetTrack(GetTrackRequest) returns (Track);
        }}
        message GetAlbumRequest {{ int64 id = 1; }}
        message GetTrackRequest {{ int64 id = 1; }}
        message Album {{ option (rowcall.v1.table) = {{ order_fields: "id" }}; int64 id = 1; string title = 2; {album} }}
        message Track {{ option (rowcall.v1.table) = {{}}; int64 id = 1; {track} }}"#
    )
}

fn database(track: &str) -> Database {
    Database::new().table("album", "id int8 key, title text").table("track", track)
}

fn track_of_album() -> Database {
    database("id int8 key, album_id int8").references("track_album_fkey", &["album_id"], "album", &["id"])
}

fn link(plans: &Plans, name: &str) -> (String, bool) {
    let near = &plans.resources[resource(plans, name)];
    let relation = &near.relations[0];
    let far = &plans.resources[relation.target];
    let column = |of: &Resource, at: usize| of.columns[at].name.as_str().to_owned();
    let text = match &relation.link {
        Link::Direct(pairs) => {
            pairs.iter().map(|&(n, f)| format!("{}={}", column(near, n), column(far, f))).collect::<Vec<_>>()
        }
        Link::Through { table, near: ours, far: theirs } => ours
            .iter()
            .map(|(n, name)| format!("{}={}.{}", column(near, *n), table.name.as_str(), name.as_str()))
            .chain(theirs.iter().map(|(name, f)| format!("{}={}", name.as_str(), column(far, *f))))
            .collect(),
    };
    (text.join(" "), matches!(relation.cardinality, Cardinality::Many { .. }))
}

fn problems(database: &Database, album: &str, track: &str) -> Vec<String> {
    said(&database.compile(&contract(album, track)).1.problems)
}

#[test]
fn the_only_foreign_key_is_followed_both_ways() {
    let (plans, report) =
        track_of_album().compile(&contract("repeated Track tracks = 3;", "Album album = 2;"));
    nothing_is_said(&report);
    assert_eq!(link(&plans, "Track"), ("album_id=id".to_owned(), false));
    assert_eq!(link(&plans, "Album"), ("id=album_id".to_owned(), true));
    let album = &plans.resources[resource(&plans, "Album")];
    let Cardinality::Many { limit, order } = &album.relations[0].cardinality else { panic!() };
    assert_eq!((*limit, order.len(), order[0].direction), (100, 1, Direction::Ascending));
}

#[test]
fn read_backwards_a_key_leads_to_one_row_when_it_is_unique() {
    let none = [
        r#"Album.track: no foreign key leads from table "album" to "track": add one, give (rowcall.v1.table).foreign_keys, or go by a table between with (rowcall.v1.relation).through"#,
    ];
    assert_eq!(problems(&track_of_album(), "Track track = 3;", ""), none);
    assert_eq!(problems(&track_of_album().unique("album_id"), "Track track = 3;", ""), Vec::<String>::new());
    assert_eq!(problems(&track_of_album().unique("album_id, id"), "Track track = 3;", ""), none);
}

#[test]
fn several_foreign_keys_are_chosen_from() {
    let database = database("id int8 key, album_id int8, old_album_id int8")
        .references("track_album_fkey", &["album_id"], "album", &["id"])
        .references("track_old_fkey", &["old_album_id"], "album", &["id"]);
    assert_eq!(
        problems(&database, "", "Album album = 2;"),
        [
            r#"Track.album: several foreign keys lead between tables "track" and "album": choose "track_album_fkey" or "track_old_fkey" by (rowcall.v1.relation).foreign_key"#
        ]
    );
    let told =
        |name: &str| format!("Album album = 2 [(rowcall.v1.relation) = {{ foreign_key: \"{name}\" }}];");
    assert_eq!(
        problems(&database, "", &told("track_old_key")),
        [
            r#"Track.album: (rowcall.v1.relation).foreign_key: no key "track_old_key" leads between the tables; did you mean "track_old_fkey"?"#
        ]
    );
    let (plans, report) = database.compile(&contract("", &told("track_old_fkey")));
    nothing_is_said(&report);
    assert_eq!(link(&plans, "Track").0, "old_album_id=id");
}

#[test]
fn a_table_leads_to_itself() {
    let contract = r#"service Shop { rpc GetEmployee(GetEmployeeRequest) returns (Employee); }
        message GetEmployeeRequest { int64 id = 1; }
        message Employee { option (rowcall.v1.table) = {}; int64 id = 1; Employee manager = 2; repeated Employee reports = 3; }"#;
    let database = Database::new().table("employee", "id int8 key, reports_to int8 null");
    let (plans, report) = database_with_self_reference(database).compile(contract);
    nothing_is_said(&report);
    let employee = &plans.resources[0];
    let pairs = |at: usize| match &employee.relations[at].link {
        Link::Direct(pairs) => pairs
            .iter()
            .map(|&(n, f)| {
                format!("{}={}", employee.columns[n].name.as_str(), employee.columns[f].name.as_str())
            })
            .collect::<Vec<_>>(),
        Link::Through { .. } => panic!(),
    };
    assert_eq!((pairs(0), pairs(1)), (vec!["reports_to=id".to_owned()], vec!["id=reports_to".to_owned()]));
}

fn database_with_self_reference(database: Database) -> Database {
    database.references("employee_reports_to_fkey", &["reports_to"], "employee", &["id"])
}

#[test]
fn a_table_in_between_leads_to_both_sides() {
    let through = r#"repeated Track tracks = 3 [(rowcall.v1.relation) = { through: "album_track" }];"#;
    let database = database("id int8 key").table("album_track", "album int8 key, track int8 key");
    assert_eq!(
        problems(&database, through, ""),
        [r#"Album.tracks: no foreign key leads from table "album_track" to "album""#]
    );
    let database = database.references("to_album", &["album"], "album", &["id"]).references(
        "to_track",
        &["track"],
        "track",
        &["id"],
    );
    let (plans, report) = database.compile(&contract(through, ""));
    nothing_is_said(&report);
    assert_eq!(link(&plans, "Album").0, "id=album_track.album track=id");
    assert_eq!(
        problems(&database, &through.replace("album_track", "nowhere"), ""),
        [r#"Album.tracks: (rowcall.v1.relation).through: no table "nowhere""#]
    );
}

#[test]
fn a_view_is_told_its_foreign_keys() {
    let contract = r#"service Shop { rpc GetTrack(GetTrackRequest) returns (Track); }
        message GetTrackRequest { int64 id = 1; }
        message Album { option (rowcall.v1.table) = {}; int64 id = 1; }
        message Track {
          option (rowcall.v1.table) = { key: "id" foreign_keys: { columns: "album_id" table: "album" } };
          int64 id = 1;
          Album album = 2;
        }"#;
    let database = Database::new().table("album", "id int8 key").view("track", "id int8, album_id int8");
    let (plans, report) = database.compile(contract);
    nothing_is_said(&report);
    assert_eq!(link(&plans, "Track").0, "album_id=id");
}

#[test]
fn columns_of_a_key_have_to_be_readable() {
    let database = database("id int8 key, album_id int8 hidden").references(
        "track_album_fkey",
        &["album_id"],
        "album",
        &["id"],
    );
    assert_eq!(
        problems(&database, "", "Album album = 2;"),
        [
            r#"Track.album: the role may not SELECT column "track.album_id": GRANT it, for this relation needs it"#
        ]
    );
}

#[test]
fn a_contracts_order_may_use_what_is_closed_to_callers() {
    let by = |order: &str| {
        format!("repeated Album albums = 2 [(rowcall.v1.relation) = {{ order_by: \"{order}\" }}];")
    };
    let database = Database::new()
        .table("track", "id int8 key")
        .table("album", "id int8 key, title text, track_id int8")
        .references("album_track_fkey", &["track_id"], "track", &["id"]);
    assert_eq!(problems(&database, "", &by("title desc")), Vec::<String>::new());
    assert_eq!(
        problems(&database, "", &by("titel")),
        [r#"Track.albums: (rowcall.v1.relation).order_by: no field "titel" in Album; did you mean "title"?"#]
    );
}

#[test]
fn a_target_that_does_not_fit_fails_only_who_asks_for_it() {
    for (database, why) in [
        (Database::new().table("track", "id int8 key, album_id int8"), "no table"),
        (
            Database::new()
                .table("album", "id int8 key")
                .table("track", "id int8 key, album_id int8")
                .references("track_album_fkey", &["album_id"], "album", &["id"]),
            "no column",
        ),
    ] {
        let (plans, report) = database.compile(&contract("", "Album album = 2;"));
        let about = |problem: &Problem| problem.subject.starts_with("Album") || problem.subject == "GetAlbum";
        assert!(report.problems.iter().all(about), "{:?}", said(&report.problems));
        assert!(report.problems[0].text.contains(why));
        let track = resource(&plans, "Track");
        assert_eq!(said(&plans.resources[track].problems), Vec::<String>::new());
        let all = mask::Mask::all();
        assert!(Projection::build(&plans, track, &all).is_ok());
        let named = mask::bind(&plans, track, ["id", "album"].into_iter(), "read_mask");
        let unfit = Projection::build(&plans, track, &named.unwrap()).unwrap_err();
        assert_eq!(unfit.path, "album");
        for text in ["album.id = 1", "album:*"] {
            let refused = filter::bind(&plans, track, text, &filter::Limits::default()).unwrap_err();
            assert_eq!(
                refused.description,
                r#""album" leads to Album, which does not fit the database: leave it out until it does"#
            );
        }
        assert!(order::bind(&plans, track, "album.id").is_err());
    }
}
