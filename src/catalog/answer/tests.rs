//! Answers of the catalog's statement, by hand, → the model.

use serde_json::json;

use super::*;
use crate::catalog::TypeKind;

fn answer() -> Value {
    json!({
        "server": { "version": 150018, "encoding": "UTF8", "search_path": ["public"] },
        "tables": [{
            "oid": 20, "schema": "public", "name": "t", "kind": "r", "row_security": false, "readable": false,
            "columns": [
                // The second attribute was dropped.
                { "name": "a", "attnum": 1, "type_oid": 90, "type_mod": -1, "not_null": false,
                  "collation": null, "comment": "first", "readable": true },
                { "name": "b", "attnum": 3, "type_oid": 25, "type_mod": -1, "not_null": false,
                  "collation": { "schema": "pg_catalog", "name": "default", "deterministic": true },
                  "comment": null, "readable": true },
            ],
        }],
        "estimates": [{ "table_oid": 20, "rows": 12.0 }],
        "foreign_keys": [
            { "table_oid": 20, "name": "t_b_fkey", "attnums": [3], "target": 20, "target_columns": ["a"] },
            { "table_oid": 99, "name": "elsewhere", "attnums": [1], "target": 20, "target_columns": ["a"] },
        ],
        "indexes": [{
            "table_oid": 20, "name": "t_pkey", "method": "btree", "primary_key": true, "unique": true,
            "valid": true, "partial": false,
            "keys": [{ "attnum": 3, "options": 3, "own_order": false }, { "attnum": 1, "options": 0, "own_order": true }],
        }],
        "types": [
            kind(90, "d", json!({ "base": 91, "not_null": false })),
            kind(91, "d", json!({ "base": 25, "not_null": true })),
            kind(25, "b", json!({ "array_oid": 1009 })),
            kind(1009, "b", json!({ "element": 25 })),
            kind(92, "e", json!({ "labels": ["out of print", "in print"] })),
            kind(93, "r", json!({ "range": 25 })),
        ],
        "functions": [],
        "views": [{ "oid": 30, "relations": [20], "steady": false }],
        "parents": [{ "table_oid": 21, "parents": [20] }],
    })
}

fn kind(oid: Oid, kind: &str, with: Value) -> Value {
    let mut answer = json!({
        "oid": oid, "schema": "public", "name": format!("type_{oid}"), "array_oid": 0, "kind": kind, "element": 0,
        "base": 0, "type_mod": -1, "not_null": false, "range": 0, "labels": null, "attributes": null,
    });
    if let (Value::Object(answer), Value::Object(with)) = (&mut answer, with) {
        answer.extend(with);
    }
    answer
}

#[test]
fn attribute_numbers_become_positions() {
    let catalog = read(answer()).expect("a catalog");
    let table = catalog.table(None, "t").expect("t");
    assert_eq!(table.primary_key, [1, 0]);
    assert_eq!(table.foreign_keys.len(), 1);
    assert_eq!(table.foreign_keys[0].columns, [1]);
    let keys: Vec<_> =
        table.indexes[0].keys.iter().map(|k| (k.column, k.descending, k.nulls_first)).collect();
    assert_eq!(keys, [(None, true, true), (Some(0), false, false)]);
}

#[test]
fn a_domain_forbids_null_through_another() {
    let catalog = read(answer()).expect("a catalog");
    let table = catalog.table(Some("public"), "t").expect("t");
    assert!(table.columns[0].not_null);
    assert!(!table.columns[1].not_null);
    assert_eq!(catalog.base_type(90).map(|t| t.oid), Some(25));
}

#[test]
fn a_table_is_readable_when_every_column_is() {
    let mut answer = answer();
    assert!(read(answer.clone()).expect("a catalog").tables[0].readable);
    answer["tables"][0]["columns"][1]["readable"] = json!(false);
    assert!(!read(answer).expect("a catalog").tables[0].readable);
}

#[test]
fn types_are_what_their_values_are_made_of() {
    let catalog = read(answer()).expect("a catalog");
    let kind = |oid: Oid| catalog.types.get(&oid).map(|t| t.kind.clone());
    assert!(matches!(kind(1009), Some(TypeKind::Array(25))));
    assert!(matches!(kind(92), Some(TypeKind::Enum(labels)) if labels == ["out of print", "in print"]));
    assert!(matches!(kind(93), Some(TypeKind::Range(25))));
}

#[test]
fn the_fingerprint_follows_ddl_but_not_estimates() {
    let before = read(answer()).expect("a catalog").fingerprint;
    let mut answer = answer();
    answer["estimates"][0]["rows"] = json!(13.0);
    assert_eq!(read(answer.clone()).expect("a catalog").fingerprint, before);
    answer["tables"][0]["columns"][0]["name"] = json!("c");
    let after = read(answer).expect("a catalog").fingerprint;
    assert_ne!(after, before);
    assert_eq!(after.len(), 64);
}
