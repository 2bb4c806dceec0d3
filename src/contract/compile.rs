//! `.proto` files and descriptor sets → one pool of descriptors, or every error of every file.

use std::collections::BTreeSet;
use std::error::Error as _;

use miette::Diagnostic;
use prost_reflect::DescriptorPool;
use protox::Compiler;
use protox::file::FileResolver as _;

use super::library::Library;
use super::{Place, Problem};

/// Imported by no contract, but callers decode our options and errors with them.
const ALWAYS: [&str; 2] = ["google/rpc/error_details.proto", "rowcall/v1/options.proto"];

/// Compiles file by file, because the compiler stops at the first file that is wrong.
pub fn compile<'a>(
    library: &Library,
    names: impl Iterator<Item = &'a str>,
) -> Result<DescriptorPool, Vec<Problem>> {
    let mut compiler = Compiler::with_file_resolver(library.clone());
    let mut problems = BTreeSet::new();
    for name in names.chain(ALWAYS) {
        if let Err(error) = compiler.open_file(name) {
            problems.extend(diagnose(&error, library, &compiler));
        }
    }
    if problems.is_empty() { Ok(compiler.descriptor_pool()) } else { Err(problems.into_iter().collect()) }
}

fn diagnose(error: &protox::Error, library: &Library, compiler: &Compiler) -> Vec<Problem> {
    let file = error.file().unwrap_or_default().to_owned();
    let text = library.text(&file).unwrap_or_default();
    let mut cause = cause(&file, library, compiler);
    let related = error.related().into_iter().flatten();
    let all = std::iter::once(error as &dyn Diagnostic).chain(related);
    all.map(|diagnostic| {
        let line = line(diagnostic, &text).unwrap_or(0);
        let cause = cause.take().or_else(|| diagnostic.source().map(|cause| cause.to_string()));
        let text = advise(error, diagnostic, cause, library);
        Problem { place: Place { file: file.clone(), line }, subject: String::new(), text }
    })
    .collect()
}

/// The compiler drops what is wrong inside an option's value; the pool, asked again, says it.
fn cause(file: &str, library: &Library, compiler: &Compiler) -> Option<String> {
    let file = library.open_file(file).ok()?;
    let error = compiler.descriptor_pool().add_file_descriptor_proto(file.into()).err()?;
    error.source().map(|cause| cause.to_string())
}

/// Of two labels, as of a name defined twice, the last is the one to change.
fn line(diagnostic: &dyn Diagnostic, text: &str) -> Option<u32> {
    let offset = diagnostic.labels()?.last()?.offset();
    let newlines = text.as_bytes().get(..offset)?.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(newlines + 1).ok()
}

fn advise(
    error: &protox::Error,
    diagnostic: &dyn Diagnostic,
    cause: Option<String>,
    library: &Library,
) -> String {
    let mut text = diagnostic.to_string();
    let advice = if error.is_file_not_found() {
        // The message is all that the compiler gives: import 'a/b.proto' not found.
        let above = text.split('\'').nth(1).and_then(|name| library.folder_above(name));
        Some(match above {
            Some(folder) => format!("imports start from {}: give that folder", folder.display()),
            None => {
                "put it into the contract's folder, or give the folder that imports start from".to_owned()
            }
        })
    } else if text.ends_with("found 'edition'") {
        text = "editions are not read".to_owned();
        Some("write syntax = \"proto3\" instead".to_owned())
    } else if text == "invalid group name" {
        // What the parser calls an import that leaves its folder.
        text = "invalid name".to_owned();
        diagnostic.help().map(|help| help.to_string())
    } else {
        cause.or_else(|| diagnostic.help().map(|help| help.to_string()))
    };
    if let Some(advice) = advice {
        text = format!("{text}: {advice}");
    }
    text
}
