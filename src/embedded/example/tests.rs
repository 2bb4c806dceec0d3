//! The example's contract and the calls it is shown by.

use std::fs;

use prost_reflect::DynamicMessage;

use super::*;
use crate::contract::{self, Contract, Shape, Source};

/// As `serve` has it: from files that were in the binary.
fn contract() -> Contract {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in CONTRACT {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let source = Source { paths: vec![folder.path().to_owned()] };
    contract::load(&source).expect("no problem")
}

#[test]
fn every_method_has_a_shape() {
    let contract = contract();
    assert_eq!(contract.services.len(), 4);
    let methods: Vec<_> = contract.services.iter().flat_map(|s| &s.methods).collect();
    for method in &methods {
        assert!(method.shape.is_ok(), "{:?}", method.shape.as_ref().err());
    }
    let of_ones_own =
        methods.iter().filter(|m| matches!(m.shape, Ok(Shape::Query { .. } | Shape::Routine { .. })));
    assert_eq!(of_ones_own.count(), 2);
    assert_eq!(methods.len(), 12 * 4 + 2);
}

#[test]
fn every_resource_is_served() {
    let contract = contract();
    let mut names: Vec<_> = contract.resources.iter().map(|r| r.message.name().to_owned()).collect();
    names.sort();
    let expected = [
        "Bike",
        "Board",
        "Dock",
        "Favourite",
        "Model",
        "Pass",
        "Repair",
        "Rider",
        "Rush",
        "Station",
        "Trip",
        "Zone",
    ];
    assert_eq!(names, expected);
}

#[test]
fn what_to_try_fits_the_contract() {
    let contract = contract();
    for (path, request) in CALLS {
        let (service, method) = path.split_once('/').expect("a service and a method");
        let service = contract.pool.get_service_by_name(service).expect("the service");
        let method = service.methods().find(|m| m.name() == method).expect("the method");
        // By way of a value: straight from text, serde_json keeps a number's digits in a map, which nothing else reads.
        let request: serde_json::Value = serde_json::from_str(request).expect("JSON");
        DynamicMessage::deserialize(method.input(), request).expect("the request");
    }
}
