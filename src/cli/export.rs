//! A contract → the files that those who generate clients need.

use super::arguments::Export;
use super::{Code, print, source};
use crate::config::Config;
use crate::contract::{self, Plain, Source};

/// `rowcall export DIR`: writes the files and prints their paths.
pub fn export(config: &Config, export: &Export) -> anyhow::Result<Code> {
    let source = Source { paths: source::contract(config)? };
    let contract = match contract::load(&source) {
        Ok(contract) => contract,
        Err(problems) => {
            for problem in problems {
                anstream::eprintln!("{problem}");
            }
            return Ok(Code::Failed);
        }
    };
    let plain = if export.plain { Plain::Yes } else { Plain::No };
    for path in contract::export(&contract, &export.directory, plain)? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(Code::Done)
}
