//! Every `sslmode` against a real server, and whom it trusts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rowcall::postgres::{Error, Mode};

use crate::support::Cluster;
use crate::support::session::{postgres, run, want};

const HBA: &str = "local all all trust
hostnossl all plain 127.0.0.1/32 trust
hostssl all encrypted 127.0.0.1/32 trust
hostssl all certified 127.0.0.1/32 cert
host all bound 127.0.0.1/32 scram-sha-256
host all hashed 127.0.0.1/32 md5
host all spoken 127.0.0.1/32 password
";

struct Secured {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

fn secured() -> Secured {
    let folder = tempfile::tempdir().unwrap();
    let authority = |name: &str| {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, other) = (authority("ours"), authority("other"));
    let issued = |names: &[&str], common: &str| {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        (params.signed_by(&key, &ours).unwrap().pem(), key.serialize_pem())
    };
    let (server, server_key) = issued(&["db.test"], "db.test");
    let (client, client_key) = issued(&[], "certified");
    for (name, pem) in [
        ("ours.crt", ours.pem()),
        ("other.crt", other.pem()),
        ("client.crt", client),
        ("client.key", client_key),
        ("server.crt", server.clone()),
    ] {
        std::fs::write(folder.path().join(name), pem).unwrap();
    }
    let settings = [
        "ssl = on",
        "ssl_cert_file = '../server.crt'",
        "ssl_key_file = '../server.key'",
        "ssl_ca_file = '../ours.crt'",
        "hba_file = 'hba.conf'",
    ];
    let files = [
        ("server.crt", server),
        ("server.key", server_key),
        ("ours.crt", ours.pem()),
        ("hba.conf", HBA.to_owned()),
    ];
    let cluster = Cluster::start_with(&settings, &files);
    for role in ["plain", "encrypted", "certified"] {
        cluster.psql("postgres", &["-c", &format!("CREATE ROLE {role} LOGIN")]);
    }
    let secret = "LOGIN PASSWORD 'se cret'";
    cluster.psql("postgres", &["-c", &format!("CREATE ROLE bound {secret}; CREATE ROLE spoken {secret}")]);
    cluster.psql(
        "postgres",
        &["-c", "SET password_encryption = 'md5'", "-c", &format!("CREATE ROLE hashed {secret}")],
    );
    Secured { cluster, folder }
}

impl Secured {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects: `tls` or `plain`, or what was wrong.
    async fn connect(&self, parameters: &str) -> Result<&'static str, Error> {
        let port = self.cluster.port;
        let url = format!("hostaddr=127.0.0.1 port={port} dbname=postgres {parameters}");
        let postgres =
            rowcall::postgres::Postgres::new(rowcall::postgres::Settings { url, ..Default::default() })?;
        let mut session = postgres.session(want(Mode::Single)).await?;
        let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok(if run(&mut session, sql, &[25]).await? == [b"true"] { "tls" } else { "plain" })
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[tokio::test]
async fn every_mode_does_what_libpq_does() {
    let server = tokio::task::spawn_blocking(secured).await.unwrap();
    let [ours, other] =
        ["ours.crt", "other.crt"].map(|name| format!("sslrootcert={}", quoted(&server.file(name))));
    let itself = format!("sslrootcert={}", quoted(&server.file("server.crt")));
    for (parameters, expected) in [
        ("user=plain sslmode=disable".to_owned(), "plain"),
        ("user=encrypted sslmode=disable".to_owned(), "no encryption"),
        ("user=plain sslmode=allow".to_owned(), "plain"),
        ("user=encrypted sslmode=allow".to_owned(), "tls"),
        ("user=plain sslmode=prefer".to_owned(), "plain"),
        ("user=encrypted sslmode=prefer".to_owned(), "tls"),
        ("user=encrypted".to_owned(), "tls"),
        ("user=plain sslmode=require".to_owned(), "no pg_hba.conf entry"),
        ("user=encrypted sslmode=require".to_owned(), "tls"),
        ("user=encrypted sslmode=require ssl_min_protocol_version=TLSv1.3".to_owned(), "tls"),
        // With a root file, `require` checks the chain.
        (format!("user=encrypted sslmode=require {ours}"), "tls"),
        (format!("user=encrypted sslmode=require {other}"), "UnknownIssuer"),
        ("user=encrypted sslmode=verify-ca".to_owned(), "need sslrootcert"),
        (format!("user=encrypted sslmode=verify-ca host=elsewhere.test {ours}"), "tls"),
        (format!("user=encrypted sslmode=verify-ca host=db.test {other}"), "UnknownIssuer"),
        (format!("user=encrypted sslmode=verify-full host=db.test {ours}"), "tls"),
        (format!("user=encrypted sslmode=verify-full host=elsewhere.test {ours}"), "not valid for name"),
        (format!("user=encrypted sslmode=verify-full {ours}"), "not valid for"),
        // The server's own certificate as the file to trust.
        (format!("user=encrypted sslmode=verify-full host=db.test {itself}"), "tls"),
        (format!("user=encrypted sslmode=verify-full host=elsewhere.test {itself}"), "not valid for name"),
        ("user=encrypted sslmode=verify-full sslrootcert=/nowhere".to_owned(), "/nowhere is not usable"),
    ] {
        let found = server.connect(&parameters).await;
        match &found {
            Ok(way) => assert_eq!(*way, expected, "{parameters}"),
            Err(error) => assert!(error.to_string().contains(expected), "{parameters}: {error}"),
        }
    }
}

#[tokio::test]
async fn every_way_to_prove_who_we_are() {
    let server = tokio::task::spawn_blocking(secured).await.unwrap();
    let certificate = format!(
        "sslcert={} sslkey={}",
        quoted(&server.file("client.crt")),
        quoted(&server.file("client.key"))
    );
    for (parameters, expected) in [
        (format!("user=certified sslmode=require {certificate}"), "tls"),
        ("user=certified sslmode=require".to_owned(), "cannot be reached"),
        ("user=bound password='se cret' sslmode=require channel_binding=require".to_owned(), "tls"),
        ("user=bound password='se cret' sslmode=require channel_binding=disable".to_owned(), "tls"),
        ("user=bound password='se cret' sslmode=disable".to_owned(), "plain"),
        (
            "user=bound password='se cret' sslmode=disable channel_binding=require".to_owned(),
            "nothing to bind to",
        ),
        ("user=bound password=wrong sslmode=require".to_owned(), "password authentication failed"),
        ("user=bound sslmode=require".to_owned(), "wants a password"),
        ("user=hashed password='se cret' sslmode=disable".to_owned(), "plain"),
        ("user=hashed password='se cret' channel_binding=require".to_owned(), "does not bind"),
        ("user=spoken password='se cret' sslmode=require".to_owned(), "tls"),
    ] {
        match server.connect(&parameters).await {
            Ok(way) => assert_eq!(way, expected, "{parameters}"),
            Err(error) => {
                assert!(error.to_string().contains(expected), "{parameters}: {error}");
                assert!(!format!("{error:?}").contains("wrong"), "a password is shown");
            }
        }
    }
}

#[tokio::test]
async fn cancels_go_by_tls_too_and_the_connection_lives_on() {
    let server = tokio::task::spawn_blocking(secured).await.unwrap();
    let port = server.cluster.port;
    let url = format!("hostaddr=127.0.0.1 port={port} dbname=postgres user=encrypted sslmode=require");
    let postgres = postgres(&url, |settings| {
        settings.connections_max = 1;
        settings.cancel_wait_max = Duration::from_secs(20);
    });
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let mine = "SELECT pg_backend_pid()::text";
    let before = run(&mut session, mine, &[25]).await.unwrap();
    let asked = run(&mut session, "SELECT pg_sleep(303)::text", &[25]);
    assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
    drop(session);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, mine, &[25]).await.unwrap(), before);
}

#[tokio::test]
async fn a_unix_socket_is_a_place_too() {
    let cluster = tokio::task::spawn_blocking(crate::support::cluster).await.unwrap();
    let postgres = postgres(&cluster.socket_url("postgres"), |_| {});
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let sql = "SELECT (inet_server_addr() IS NULL)::text";
    assert_eq!(run(&mut session, sql, &[25]).await.unwrap(), [b"true"]);
}
