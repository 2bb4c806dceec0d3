//! An empty cluster and SQL → a database that holds the whole of it, or nothing.
//!
//! The load is one transaction that ends by noting its digest on the database. A load that was killed half-way, or is of
//! another version's SQL, leaves another note or none, and is done again.

use std::process::{Output, Stdio};

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::binaries::Binaries;
use super::folder::Folder;
use super::{Account, DATABASE, Error, ROLE};

/// Runs SQL text through `psql`, which is wherever the server is.
pub(super) struct Psql<'a> {
    pub binaries: &'a Binaries,
    pub account: &'a Account,
    pub folder: &'a Folder,
}

/// Loads, unless that has been done. Answers whether it had to.
pub(super) async fn load(psql: &Psql<'_>, sql: &str) -> Result<Loaded, Error> {
    let digest: String = Sha256::digest(sql).iter().map(|byte| format!("{byte:02x}")).collect();
    let note = "SELECT shobj_description(oid, 'pg_database') FROM pg_database";
    let found = psql.run("postgres", &format!("{note} WHERE datname = '{DATABASE}'"), &[]).await?;
    if found.trim() == digest {
        return Ok(Loaded::Before);
    }
    psql.run("postgres", &format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"), &[]).await?;
    psql.run("postgres", &format!("CREATE DATABASE {DATABASE} TEMPLATE template0"), &[]).await?;
    let noted = format!("{sql}\n;COMMENT ON DATABASE {DATABASE} IS '{digest}';\n");
    psql.run(DATABASE, &noted, &["--single-transaction"]).await?;
    Ok(Loaded::Now)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    Before,
    Now,
}

impl Psql<'_> {
    async fn run(&self, database: &str, sql: &str, options: &[&str]) -> Result<String, Error> {
        let mut command = self.account.command(&self.binaries.psql);
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            ROLE,
            "-p",
            "5432",
            "-d",
            database,
        ]);
        command.arg("-h").arg(self.folder.sockets()).args(options).args(["-f", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = || Error::io("run", &self.binaries.psql);
        let mut child = command.spawn().map_err(failed())?;
        let mut stdin = child.stdin.take();
        let write = async move {
            if let Some(stdin) = &mut stdin {
                // A psql that stops reading says why itself.
                let _ = stdin.write_all(sql.as_bytes()).await;
            }
        };
        let (_, output) = tokio::join!(write, child.wait_with_output());
        said("psql", &output.map_err(failed())?)
    }
}

/// What a program wrote, or what it complained of.
pub(super) fn said(program: &'static str, output: &Output) -> Result<String, Error> {
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Error::Failed { program, said })
        }
    }
}
