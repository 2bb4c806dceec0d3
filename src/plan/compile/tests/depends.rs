//! What answers depend on, and what triggers have to tell.

use bytes::Bytes;

use crate::cache::Tag;
use crate::catalog::View;
use crate::feed::Why;
use crate::plan::fixture::{Database, resource};
use crate::plan::{Plans, Report};

const ALBUM: &str = r#"
message Track {
  option (google.api.resource) = { type: "shop.example.com/Track" pattern: "albums/{album}/tracks/{track}" };
  option (rowcall.v1.table) = { name: "track" cache: { parts: ["genre"] } };
  string name = 1;
  string title = 2;
}
"#;

const LIST: &str = r#"
service Shop { rpc ListAll(ListAllRequest) returns (ListAllResponse); }
message ListAllRequest { int32 page_size = 1; }
message ListAllResponse { repeated RESOURCE all = 1; }
"#;

fn compile(database: &Database, contract: &str) -> (Plans, Report) {
    let message = contract.trim_start().split(' ').nth(1).expect("a message's name");
    database.compile(&format!("{contract}{}", LIST.replace("RESOURCE", message)))
}

fn tracks() -> Database {
    Database::new().table("track", "track int4 key, title text, album int8 key, genre text null")
}

fn oid(database: &Database, name: &str) -> u32 {
    database.catalog.table(None, name).expect("a table").oid
}

fn why(plans: &Plans) -> Option<Why> {
    plans.resources[0].depends.unfollowed
}

#[test]
fn a_row_is_told_by_its_key_in_the_tables_order() {
    let database = tracks();
    let (plans, report) = compile(&database, ALBUM);
    assert_eq!(report.problems, []);
    let track = &plans.resources[resource(&plans, "Track")];
    let key = [Bytes::from_static(&[0, 0, 0, 7]), Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 9])];
    let bytes = [&[0, 0, 0, 4][..], &key[0], &[0, 0, 0, 8], &key[1]].concat();
    let table = oid(&database, "track");
    assert_eq!(track.row_tag(&key), Some(Tag::row(table, &bytes)));
    assert_eq!(track.get_tags(&key), Tag::of_get(table, &bytes));
    assert_eq!(*track.depends.tables, [table]);
}

#[test]
fn a_parents_column_and_declared_ones_are_parts() {
    let database = tracks();
    let (plans, _) = compile(&database, ALBUM);
    let track = &plans.resources[0];
    let parts: Vec<_> =
        track.depends.parts.iter().map(|p| (p.attnum, track.columns[p.column].name.as_str())).collect();
    assert_eq!(parts, [(3, "album"), (4, "genre")]);
    let told: Vec<_> = plans.recorded[0].parts.iter().map(|told| told.attnum).collect();
    assert_eq!(told, [3, 4]);
    assert_eq!(track.depends.parts[1].tag(b"jazz"), Tag::part(oid(&database, "track"), 4, b"jazz"));
}

#[test]
fn a_part_that_cannot_be_one_is_a_problem() {
    let table = "track int4 key, album int8 key, genre numeric";
    for (part, said) in
        [("gener", "no such column; did you mean \"genre\"?"), ("genre", "written differently")]
    {
        let contract =
            ALBUM.replace("[\"genre\"]", &format!("[\"{part}\"]")).replace("string title = 2;", "");
        let (plans, report) = compile(&Database::new().table("track", table), &contract);
        let [problem] = &report.problems[..] else { panic!("{:?}", report.problems) };
        assert!(problem.text.contains(said) && problem.text.ends_with("leave it out"), "{problem}");
        assert!(problem.place.line > 0);
        assert_eq!(plans.resources[0].problems.len(), 1);
    }
}

#[test]
fn keys_that_equal_in_different_bytes_are_not_told() {
    let contract = "message Price { option (rowcall.v1.table) = {}; string amount = 1; }";
    let database = Database::new().table("price", "amount numeric key");
    let (plans, _) = compile(&database, contract);
    let price = &plans.resources[0];
    let key = [Bytes::from_static(b"any")];
    assert_eq!(price.row_tag(&key), None);
    assert_eq!(price.get_tags(&key), Tag::of_list(oid(&database, "price")));
}

#[test]
fn a_partition_is_told_under_its_root_and_a_view_under_its_tables() {
    let contract = "message Thing { option (rowcall.v1.table) = { key: \"id\" }; int64 id = 1; }";
    let mut database = Database::new().table("root", "id int8 key").table("things", "id int8 key");
    let (root, part) = (oid(&database, "root"), oid(&database, "things"));
    database.catalog.parents.insert(part, vec![root]);
    let (plans, _) = compile(&database, contract);
    assert_eq!(*plans.resources[0].depends.tables, [root]);
    assert_eq!(plans.recorded[0].name.as_str(), "root");
    let tag = plans.resources[0].row_tag(&[Bytes::from_static(&[0; 8])]);
    assert_eq!(tag, Some(Tag::row(root, &[0; 8])));

    let mut database = Database::new().table("root", "id int8 key").view("things", "id int8");
    let (root, view) = (oid(&database, "root"), oid(&database, "things"));
    database.catalog.views.insert(view, View { relations: vec![root], steady: true });
    let (plans, _) = compile(&database, contract);
    assert_eq!((&*plans.resources[0].depends.tables, why(&plans)), (&[root, view][..], None));
    assert_eq!((plans.recorded.len(), &plans.views[..]), (1, &[view][..]));
    assert_eq!(plans.resources[0].row_tag(&[Bytes::from_static(&[0; 8])]), None);
}

#[test]
fn what_nothing_can_prove_says_why_and_costs_no_writer_anything() {
    let contract = "message Thing { option (rowcall.v1.table) = { key: \"id\" }; int64 id = 1; }";
    let view = |relations: Vec<u32>, steady: bool| {
        let mut database = Database::new().table("root", "id int8 key").view("things", "id int8");
        let oid = oid(&database, "things");
        database.catalog.views.insert(oid, View { relations, steady });
        database
    };
    let base = view(vec![], true);
    let root = oid(&base, "root");
    for (database, expected) in [
        (view(vec![root], false), Why::Unsteady),
        (view(vec![root, 1259], true), Why::System),
        (
            {
                let mut database = view(vec![root], true);
                database.catalog.tables[0].row_security = true;
                database
            },
            Why::RowSecurity,
        ),
        // Whatever else there is to say.
        (
            {
                let mut database = view(vec![1259, root], false);
                database.catalog.tables[0].row_security = true;
                database
            },
            Why::RowSecurity,
        ),
        (
            {
                let mut database = view(vec![root], true);
                database.catalog.parents.insert(root, vec![1, 2]);
                database
            },
            Why::Inheritance,
        ),
    ] {
        let (plans, _) = compile(&database, contract);
        assert_eq!(why(&plans), Some(expected));
        assert!(plans.recorded.is_empty() && plans.views.is_empty());
    }
}
