//! This machine → everything a measurement needs: the database, the programs, the generators.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::client::Client;
use crate::cluster::{Cluster, Database};
use crate::h2load::H2load;
use crate::keys::Pools;
use crate::pgbench::{Pgbench, Script};
use crate::script;
use crate::server::Programs;

pub struct Stage {
    pub cluster: Cluster,
    pub programs: Programs,
    pub h2load: H2load,
    pub pgbench: Pgbench,
    pub client: Client,
    pub pools: Pools,
    pub get_script: Script,
    pub list_script: Script,
    pub orders_script: Script,
    pub update_script: Script,
    pub updates_script: Script,
    /// `target/load`.
    pub folder: PathBuf,
}

impl Stage {
    pub fn build() -> anyhow::Result<Stage> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let load = std::env::current_exe()?;
        let rowcall = load.with_file_name("rowcall");
        ensure!(rowcall.exists(), "{} is not there: run make load", rowcall.display());
        let folder = load.parent().and_then(Path::parent).context("target/release/load")?.join("load");
        fs::create_dir_all(&folder)?;
        let h2load = H2load::build(&root, &folder)?;
        eprintln!("filling two databases");
        let cluster = Cluster::start()?;
        let contract = root.join("tests/load/contract");
        let programs = Programs { rowcall, load, contract, folder: folder.clone() };
        programs.migrate(&cluster, Database::Followed)?;
        Ok(Stage {
            h2load,
            pgbench: Pgbench { folder: folder.clone() },
            client: Client::new()?,
            pools: Pools::write(&folder)?,
            get_script: script::get(&folder)?,
            list_script: script::list(&programs, &cluster, &folder)?,
            orders_script: script::orders(&programs, &cluster, &folder)?,
            update_script: script::update(&folder)?,
            updates_script: script::updates(&folder)?,
            programs,
            cluster,
            folder,
        })
    }
}
