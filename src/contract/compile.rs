//! `.proto` files and descriptor sets → one pool of descriptors, or every error of every file.

use std::collections::BTreeSet;

use miette::Diagnostic;
use prost_reflect::DescriptorPool;
use protox::Compiler;

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
            problems.extend(diagnose(&error, library));
        }
    }
    if problems.is_empty() { Ok(compiler.descriptor_pool()) } else { Err(problems.into_iter().collect()) }
}

fn diagnose(error: &protox::Error, library: &Library) -> Vec<Problem> {
    let file = error.file().unwrap_or_default().to_owned();
    let text = library.text(&file).unwrap_or_default();
    let related = error.related().into_iter().flatten();
    let all = std::iter::once(error as &dyn Diagnostic).chain(related);
    all.map(|diagnostic| {
        let line = line(diagnostic, &text).unwrap_or(0);
        let text = advise(error, diagnostic);
        Problem { place: Place { file: file.clone(), line }, subject: String::new(), text }
    })
    .collect()
}

/// Of two labels, as of a name defined twice, the last is the one to change.
fn line(diagnostic: &dyn Diagnostic, text: &str) -> Option<u32> {
    let offset = diagnostic.labels()?.last()?.offset();
    let newlines = text.as_bytes().get(..offset)?.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(newlines + 1).ok()
}

fn advise(error: &protox::Error, diagnostic: &dyn Diagnostic) -> String {
    if error.is_file_not_found() {
        return format!(
            "{diagnostic}: put it into the contract's folder, or give the folder that imports start from"
        );
    }
    match diagnostic.help() {
        Some(help) => format!("{diagnostic}: {help}"),
        None => diagnostic.to_string(),
    }
}
