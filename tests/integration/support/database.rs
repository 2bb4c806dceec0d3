//! Files of SQL → a template, loaded once → a database per test.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

use super::cluster;

/// No tables at all.
pub const EMPTY: &[&str] = &[];
/// The music store: 11 tables, 15,607 rows.
pub const CHINOOK: &[&str] = &["shared:data/chinook/chinook.sql"];

/// A database that belongs to one test.
pub struct Database {
    pub name: String,
    /// Through loopback TCP.
    pub url: String,
}

/// A new database with what `files` create. Paths are relative to the package; `shared:` ones to the
/// shared folder beside it.
pub async fn database(files: &[&str]) -> Database {
    let files: Vec<String> = files.iter().map(|file| file.to_string()).collect();
    tokio::task::spawn_blocking(move || create(&files)).await.expect("the database is created")
}

/// A file in the folder `shared` beside the repository, or beside a folder above it.
pub fn shared(path: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = package.ancestors().skip(1).map(|above| above.join("shared").join(path)).find(|p| p.exists());
    found.unwrap_or_else(|| panic!("../shared/{path} is missing"))
}

fn create(files: &[String]) -> Database {
    static TEMPLATES: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let cluster = cluster();
    let template = template_name(files);
    {
        // One at a time: copying a template fails while another session is connected to it.
        let mut templates = TEMPLATES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let templates = templates.get_or_insert_default();
        if !files.is_empty() && !templates.contains(&template) {
            cluster.psql("postgres", &["-c", &format!("DROP DATABASE IF EXISTS {template}")]);
            cluster.psql("postgres", &["-c", &format!("CREATE DATABASE {template} TEMPLATE template0")]);
            for file in files {
                let path = match file.strip_prefix("shared:") {
                    Some(path) => shared(path),
                    None => Path::new(env!("CARGO_MANIFEST_DIR")).join(file),
                };
                cluster.psql(&template, &["-f", path.to_str().expect("paths are UTF-8")]);
            }
            cluster.psql(&template, &["-c", "ANALYZE"]);
            templates.insert(template.clone());
        }
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.psql("postgres", &["-c", &format!("CREATE DATABASE {name} TEMPLATE {template}")]);
        Database { url: cluster.url(&name), name }
    }
}

fn template_name(files: &[String]) -> String {
    if files.is_empty() {
        return "template0".to_owned();
    }
    let letters = files.join("_").chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    format!("template_{}", &letters[letters.len().saturating_sub(50)..]).to_lowercase()
}

impl Database {
    /// A plain connection, to prepare what a test needs and to ask what Rowcall should have said.
    pub async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.url, NoTls).await.expect("the test's own connection");
        tokio::spawn(connection);
        client
    }

    /// Runs SQL, several statements at once.
    pub async fn execute(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.expect("the test's own SQL");
    }
}
