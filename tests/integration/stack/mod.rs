//! Tests with tools that are built with Go or come from npm: `make test-stack` installs them and runs these.

mod dashboards;
mod deploy;
mod exported;
mod first_minutes;
mod grpcurl;
mod h2spec;
mod observed;
mod one_command;
mod queries;

use std::path::{Path, PathBuf};

/// A path from the top of the tree.
fn ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
