//! `proto/` → Rust types of our own options, and the texts of every import the server carries, without a system `protoc`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What contracts may import without having the files. `proto/example` is a contract, not an import.
const IMPORTS: [&str; 3] = ["buf", "google", "rowcall"];

fn main() -> Result<(), Box<dyn Error>> {
    for folder in IMPORTS {
        println!("cargo:rerun-if-changed=proto/{folder}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("imports.rs"), imports()?)?;
    let descriptors = protox::compile(["rowcall/v1/options.proto", "rowcall/v1/reason.proto"], ["proto"])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}

fn imports() -> Result<String, Box<dyn Error>> {
    let mut names = Vec::new();
    for folder in IMPORTS {
        collect(Path::new("proto").join(folder).as_path(), &mut names)?;
    }
    names.sort();
    let mut table = String::from("&[\n");
    for name in names {
        writeln!(
            table,
            "({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/proto/{name}\"))),"
        )?;
    }
    table.push(']');
    Ok(table)
}

fn collect(folder: &Path, names: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, names)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            let name = path.strip_prefix("proto")?.to_str().ok_or("a file name under proto/ is not UTF-8")?;
            names.push(name.to_owned());
        }
    }
    Ok(())
}
