//! A catalog knows what Postgres has, in its awkward forms.

use std::time::{Duration, Instant};

use rowcall::catalog::introspect::introspect;
use rowcall::catalog::{Catalog, Function, Table, TableKind, TypeKind, Volatility};
use rowcall::postgres::{Mode, Postgres, Settings, Sight, StatementTimeout, Want};

use crate::support::{CHINOOK, Database, database};

const AWKWARD: &[&str] = &["tests/integration/catalog.sql"];

async fn read(url: &str, queries: &[(&str, &str)]) -> Catalog {
    let queries: Vec<_> = queries.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    let postgres = Postgres::new(Settings { url: url.to_owned(), ..Settings::default() }).expect("a URL");
    let deadline = Instant::now() + Duration::from_secs(30);
    let want =
        Want { deadline, mode: Mode::Single, statement_timeout: StatementTimeout::Net, sight: Sight::Untold };
    let mut session = postgres.session(want).await.expect("a session");
    introspect(&mut session, &queries).await.expect("a catalog")
}

async fn awkward() -> (Database, Catalog) {
    let database = database(AWKWARD).await;
    let catalog = read(&database.url, &[]).await;
    (database, catalog)
}

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    catalog.table(None, name).unwrap_or_else(|| panic!("no table {name}"))
}

fn function<'a>(catalog: &'a Catalog, name: &str) -> &'a Function {
    catalog.functions.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no function {name}"))
}

#[tokio::test]
async fn chinook_has_its_tables_and_keys() {
    let database = database(CHINOOK).await;
    let catalog = read(&database.url, &[]).await;
    assert_eq!(catalog.tables.len(), 11);
    assert_eq!(catalog.server.encoding, "UTF8");
    assert_eq!(catalog.server.search_path, ["public"]);
    assert!(catalog.server.version >= 140_000);
    let playlist_track = table(&catalog, "playlist_track");
    assert_eq!(playlist_track.primary_key, [0, 1]);
    assert_eq!(playlist_track.foreign_keys.len(), 2);
    assert!((playlist_track.rows_estimate - 8715.0).abs() < 1.0);
    let employee = table(&catalog, "employee");
    assert_eq!(employee.foreign_keys[0].target, employee.oid);
    assert_eq!(employee.foreign_keys[0].target_columns, ["employee_id"]);
    assert!(catalog.tables.iter().all(|t| t.readable && t.kind == TableKind::Table));
}

#[tokio::test]
async fn columns_are_as_declared_without_the_dropped() {
    let (_database, catalog) = awkward().await;
    let thing = table(&catalog, "thing");
    let names: Vec<_> = thing.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "mood", "moods", "code", "place", "span", "number", "other"]);
    assert_eq!(thing.primary_key, [0, 1]);
    assert_eq!(thing.columns[0].collation.as_ref().map(|c| c.deterministic), Some(false));
    assert_eq!(thing.columns[2].comment.as_deref(), Some("How it feels"));
    assert!(thing.columns[4].not_null, "through the domain under its domain");
    assert!(!thing.columns[2].not_null);
    assert_eq!(thing.columns[7].type_mod, ((10 << 16) | 2) + 4);
    let odd = catalog.table(Some("odd schema"), "Select").expect("a quoted table");
    assert_eq!(odd.columns[1].name, "table\"quoted");
    assert!(catalog.table(None, "Select").is_none(), "it is not on the search path");
}

#[tokio::test]
async fn types_are_what_their_values_are_made_of() {
    let (_database, catalog) = awkward().await;
    let thing = table(&catalog, "thing");
    let kind = |name: &str| {
        let oid = thing.columns[thing.column(name).expect("a column")].type_oid;
        catalog.types[&oid].kind.clone()
    };
    assert!(matches!(kind("mood"), TypeKind::Enum(labels) if labels == ["sad", "so so", "glad"]));
    let TypeKind::Array(element) = kind("moods") else { panic!("an array") };
    assert_eq!(catalog.types[&element].name, "mood");
    assert_eq!(catalog.base_type(thing.columns[4].type_oid).map(|t| t.name.as_str()), Some("varchar"));
    let TypeKind::Composite(attributes) = kind("place") else { panic!("a composite") };
    let names: Vec<_> = attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["street", "number"]);
    let TypeKind::Range(subtype) = kind("span") else { panic!("a range") };
    assert_eq!(catalog.types[&subtype].name, "float8");
    let multirange = catalog.types.values().find(|t| t.name == "float_multirange").expect("a multirange");
    assert!(
        matches!(multirange.kind, TypeKind::Multirange(range) if catalog.types[&range].name == "float_range")
    );
    assert!(matches!(catalog.types[&1007].kind, TypeKind::Array(23)));
    assert_eq!(catalog.types[&23].array_oid, 1007);
    assert!(catalog.types.values().all(|t| t.name != "pg_class" && t.name != "_pg_class"));
}

#[tokio::test]
async fn indexes_say_what_they_can_sort() {
    let (_database, catalog) = awkward().await;
    let thing = table(&catalog, "thing");
    let index = |name: &str| thing.indexes.iter().find(|i| i.name == name).expect("an index");
    let keys = |name: &str| -> Vec<_> {
        index(name).keys.iter().map(|k| (k.column, k.descending, k.nulls_first)).collect()
    };
    assert_eq!(keys("thing_sorted"), [(Some(1), true, true), (Some(2), false, true)]);
    assert_eq!(keys("thing_pattern"), [(None, false, false), (None, false, false)]);
    assert_eq!(keys("thing_pkey"), [(Some(0), false, false), (Some(1), false, false)]);
    assert!(index("thing_partial").partial && !index("thing_partial").unique);
    assert!(index("thing_unique").unique && index("thing_unique").valid);
    assert_eq!(index("thing_unique").method, "btree");
}

#[tokio::test]
async fn partitions_have_their_keys_once() {
    let (_database, catalog) = awkward().await;
    let event = table(&catalog, "event");
    assert_eq!(event.kind, TableKind::Partitioned);
    assert_eq!(event.primary_key, [0, 1]);
    assert!((event.rows_estimate - 10.0).abs() < 0.1, "{}", event.rows_estimate);
    for name in ["event", "event_1", "event_2"] {
        let keys = &table(&catalog, name).foreign_keys;
        assert_eq!(keys.len(), 1, "{name}");
        assert_eq!(keys[0].columns, [2, 3]);
        assert_eq!(keys[0].target_columns, ["b", "a"]);
    }
    let note = &table(&catalog, "note").foreign_keys;
    assert_eq!(note.len(), 1, "not once more for each partition");
    assert_eq!(note[0].target, event.oid);
    assert_eq!(table(&catalog, "seen").kind, TableKind::View);
    assert_eq!(table(&catalog, "kept").kind, TableKind::MaterializedView);
}

#[tokio::test]
async fn functions_have_arguments_and_columns() {
    let (_database, catalog) = awkward().await;
    let names = |f: &Function| -> (Vec<String>, Vec<String>) {
        let arguments = f.arguments.iter().map(|a| a.name.clone()).collect();
        (arguments, f.columns.iter().map(|c| c.name.clone()).collect())
    };
    let plain = function(&catalog, "plain");
    assert_eq!(names(plain), (vec!["a".into(), "b".into()], vec!["".into()]));
    assert!(!plain.arguments[0].has_default && plain.arguments[1].has_default);
    assert_eq!(plain.volatility, Volatility::Immutable);
    let rows = function(&catalog, "rows");
    assert_eq!(names(rows), (vec!["a".into(), "c".into()], vec!["a".into(), "b".into()]));
    assert!(rows.returns_set && rows.arguments[1].variadic && !rows.arguments[0].variadic);
    assert_eq!(names(function(&catalog, "things")).1.len(), 9);
    assert_eq!(names(function(&catalog, "listed")), (vec!["m".into()], vec!["x".into(), "y".into()]));
    assert_eq!(function(&catalog, "listed").volatility, Volatility::Volatile);
    assert!(!catalog.functions.iter().any(|f| f.name == "fires" || f.name == "acts"));
}

#[tokio::test]
async fn what_a_role_may_not_read_is_known() {
    let database = database(AWKWARD).await;
    let role = format!("reader_of_{}", database.name);
    let grants = format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON thing TO {role}; GRANT SELECT (id, open) ON guarded TO {role};
         GRANT SELECT ON \"odd schema\".\"Select\" TO {role}; REVOKE EXECUTE ON FUNCTION plain FROM PUBLIC;"
    );
    database.execute(&grants).await;
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let catalog = read(&url, &[]).await;
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    assert!(table(&catalog, "thing").readable);
    let guarded = table(&catalog, "guarded");
    assert!(guarded.row_security && !guarded.readable);
    assert_eq!(guarded.columns.iter().map(|c| c.readable).collect::<Vec<_>>(), [true, true, false]);
    let odd = catalog.table(Some("odd schema"), "Select").expect("a table");
    assert!(!odd.readable, "without USAGE of its schema");
    assert!(!function(&catalog, "plain").executable && function(&catalog, "listed").executable);
    assert!(!function(&catalog, "secret").executable);
}

#[tokio::test]
async fn query_files_are_described_and_fail_alone() {
    let database = database(AWKWARD).await;
    let queries = [
        ("good.sql", "SELECT a, mood FROM thing WHERE a > :least AND mood = :mood AND a < :least + 10;\n"),
        ("missing.sql", "SELECT nothing FROM thing"),
        ("untyped.sql", "SELECT :what IS NULL AS x"),
        ("writes.sql", "-- sly\nDELETE FROM thing"),
        ("broken.sql", "SELECT FROM FROM"),
        ("last.sql", "SELECT 1 AS one"),
    ];
    let catalog = read(&database.url, &queries).await;
    let good = catalog.queries["good.sql"].as_ref().expect("it is described");
    assert_eq!(good.text.trim_end(), "SELECT a, mood FROM thing WHERE a > $1 AND mood = $2 AND a < $1 + 10");
    let arguments: Vec<_> =
        good.arguments.iter().map(|a| (a.name.as_str(), catalog.types[&a.type_oid].name.as_str())).collect();
    assert_eq!(arguments, [("least", "int4"), ("mood", "mood")]);
    assert_eq!(good.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "mood"]);
    let problem = |path: &str| catalog.queries[path].as_ref().expect_err("a problem").clone();
    assert_eq!(problem("missing.sql"), "missing.sql: column \"nothing\" does not exist");
    assert!(problem("untyped.sql").contains(":what"), "{}", problem("untyped.sql"));
    assert!(problem("writes.sql").starts_with("writes.sql: line 2: DELETE writes"));
    assert_eq!(problem("broken.sql"), "broken.sql: syntax error at or near \"FROM\"");
    assert!(catalog.queries["last.sql"].is_ok(), "what came before does not spoil it");
}

#[tokio::test]
async fn the_fingerprint_changes_with_ddl_only() {
    let (database, before) = awkward().await;
    database.execute("INSERT INTO event VALUES (99, '2025-06-06'); ANALYZE").await;
    let same = read(&database.url, &[]).await;
    assert_eq!(same.fingerprint, before.fingerprint);
    database.execute("ALTER TABLE thing ADD COLUMN more int").await;
    let other = read(&database.url, &[]).await;
    assert_ne!(other.fingerprint, before.fingerprint);
}
