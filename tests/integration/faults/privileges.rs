//! What the role may do changes under load: privileges, its password, its database.

use std::fs;
use std::time::Instant;

use super::shop::{DATABASE, Loaded, Own};

const GONE: &[&str] = &["DATABASE_UNREACHABLE"];

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_privilege_denies_its_table_alone_until_it_is_granted_again() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.role().await).await;
    for (revoke, grant) in [
        ("REVOKE SELECT ON thing FROM app", "GRANT SELECT ON thing TO app"),
        (
            "REVOKE SELECT ON thing FROM app; GRANT SELECT (thing_id, maker_id) ON thing TO app",
            "GRANT SELECT (title) ON thing TO app",
        ),
    ] {
        let fault = Instant::now();
        own.execute(revoke).await;
        loaded.load.failures(fault, 50).await;
        own.execute(grant).await;
        loaded.recovers(fault, Instant::now(), &["ACCESS_DENIED"]).await;
        loaded.load.unaffected(fault, "GetPart");
    }
    loaded.end(&own).await;
}

/// A change that matters to new connections alone.
async fn locked_out(own: &Own, loaded: &Loaded, out: &str, back_in: &str) {
    let fault = Instant::now();
    own.cluster.psql("postgres", &["-c", out]);
    loaded.load.successes(100).await;
    loaded.load.allowed(fault, &[]);
    let terminate = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'rowcall'";
    own.cluster.psql("postgres", &["-c", terminate, "-o", "/dev/null"]);
    loaded.load.failures(fault, 100).await;
    own.cluster.psql("postgres", &["-c", back_in]);
    loaded.recovers(fault, Instant::now(), GONE).await;
}

/// When the server read its rules, as new sessions see it.
async fn rules_read(own: &Own) -> String {
    let read = own.client().await.query_one("SELECT pg_conf_load_time()::text", &[]).await;
    read.expect("the test's own SQL").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_or_a_closed_database_matters_to_new_connections() {
    let mut own = Own::start(&[]).await;
    let url = own.role().await.replace("//app@", "//app:one@");
    own.execute("ALTER ROLE app PASSWORD 'one'").await;
    let rules = own.cluster.folder.join("data/pg_hba.conf");
    fs::write(
        &rules,
        "host all app 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n",
    )
    .expect("rules are written");
    let before = rules_read(&own).await;
    own.cluster.control("reload");
    while rules_read(&own).await == before {}
    let loaded = Loaded::start(&url).await;
    locked_out(&own, &loaded, "ALTER ROLE app PASSWORD 'two'", "ALTER ROLE app PASSWORD 'one'").await;
    let name = DATABASE;
    locked_out(
        &own,
        &loaded,
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
    )
    .await;
    loaded.end(&own).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_database_is_gone_until_it_has_its_name_again() {
    let own = Own::start(&[]).await;
    let loaded = Loaded::start(&own.url()).await;
    let fault = Instant::now();
    let away = format!("ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false");
    own.cluster.psql("postgres", &["-c", &away]);
    own.cluster.psql(
        "postgres",
        &[
            "-c",
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = 'shop'",
            "-o",
            "/dev/null",
        ],
    );
    own.cluster.psql("postgres", &["-c", &format!("ALTER DATABASE {DATABASE} RENAME TO elsewhere")]);
    let from = Instant::now();
    loaded.load.failures(from, 100).await;
    own.cluster.psql("postgres", &["-c", &format!("ALTER DATABASE elsewhere RENAME TO {DATABASE}")]);
    own.cluster.psql("postgres", &["-c", &format!("ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true")]);
    loaded.recovers(fault, Instant::now(), GONE).await;
    loaded.end(&own).await;
}
