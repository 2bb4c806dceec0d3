//! Paths → a `Contract`, or everything that is wrong with what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use prost_reflect::{DescriptorPool, FileDescriptor};

use super::annotation::Annotations;
use super::library::Library;
use super::method::Recognition;
use super::place::Places;
use super::{Contract, Place, Problem, Service, Source, compile, resource};

/// Loads the contract. An error is for what makes the whole unreadable (files, syntax, resources); what a single method does
/// wrong is that method's, and stands in `Contract::problems`. Both are reported together.
///
/// Imports are looked up in the folders given, then among those the server carries; but `google/protobuf/*` and `rowcall/v1/*`
/// are always the server's own. Services count when their file is one of those given; messages also when it is imported.
pub fn load(source: &Source) -> Result<Contract, Vec<Problem>> {
    let found = source.find();
    let library = Library::new(found.roots, found.sets);
    let mut problems = found.problems;
    let pool = match compile::compile(&library, found.own.keys().map(String::as_str)) {
        Ok(pool) => pool,
        Err(errors) => {
            problems.extend(errors);
            return Err(sorted(problems));
        }
    };
    let (annotations, places) = (Annotations::new(&pool), Places::new(&pool));
    let resources = resource::resources(&pool, &annotations, &places, &mut problems);
    let recognition =
        |folder| Recognition { annotations: &annotations, places: &places, resources: &resources, folder };
    let (mut services, mut methods) = (Vec::new(), Vec::new());
    for (name, folder) in &found.own {
        let Some(file) = pool.get_file_by_name(name) else { continue };
        services.extend(read_services(&file, &recognition(folder), &mut methods));
    }
    if problems.is_empty() && services.is_empty() {
        let text = "declares no service: add one with the methods to serve";
        let file = found.own.keys().next().cloned().unwrap_or_default();
        problems.push(Problem {
            place: Place { file, line: 0 },
            subject: String::new(),
            text: text.to_owned(),
        });
    }
    if !problems.is_empty() {
        problems.append(&mut methods);
        return Err(sorted(problems));
    }
    let files = files(&pool, &found.own, &library);
    Ok(Contract { pool, services, resources, files, problems: sorted(methods) })
}

fn read_services(
    file: &FileDescriptor,
    recognition: &Recognition,
    problems: &mut Vec<Problem>,
) -> Vec<Service> {
    let services = file.services().map(|descriptor| {
        let methods = descriptor.methods().map(|method| {
            let (method, mut own) = recognition.recognise(method);
            problems.append(&mut own);
            method
        });
        Service { methods: methods.collect(), descriptor: descriptor.clone() }
    });
    services.collect()
}

fn files(pool: &DescriptorPool, own: &BTreeMap<String, PathBuf>, library: &Library) -> Vec<super::File> {
    let all = pool.files().map(|file| super::File {
        name: file.name().to_owned(),
        origin: if own.contains_key(file.name()) { super::Origin::Given } else { super::Origin::Imported },
        text: library.text(file.name()),
    });
    all.collect()
}

fn sorted(problems: Vec<Problem>) -> Vec<Problem> {
    let unique: BTreeSet<_> = problems.into_iter().collect();
    unique.into_iter().collect()
}
