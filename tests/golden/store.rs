//! The store's contract and catalog, compiled.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rowcall::catalog::{Catalog, answer};
use rowcall::contract::{self, Source};
use rowcall::plan::value::ValueType;
use rowcall::plan::{Plans, compile};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let text = std::fs::read_to_string(folder().join("catalog.json")).expect("the fixture is there");
    answer::read(serde_json::from_str(&text).expect("the fixture is JSON")).expect("the fixture is a catalog")
});

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
}

pub fn plans() -> Plans {
    let source = Source { paths: vec![folder().join("store.proto")] };
    let contract = contract::load(&source).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let (plans, _) = compile::compile(Arc::new(contract), &CATALOG);
    for resource in &plans.resources {
        assert!(resource.problems.is_empty(), "{:?}", resource.problems);
    }
    plans
}

pub fn value_type(oid: u32) -> ValueType {
    ValueType::of(&CATALOG, oid)
}

/// As `PREPARE` takes it.
pub fn type_name(oid: u32) -> String {
    value_type(oid).name.to_string()
}
