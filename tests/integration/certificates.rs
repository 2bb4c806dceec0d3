//! SIGHUP with new certificates: connections to come are greeted with them, and those there are go on.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};

use crate::errors_shop::{CONTRACT, TABLES, written};
use crate::grpc::served::{unary, with};
use crate::support::{EMPTY, Papers, Served, database, papers};

const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// `status: SERVING`.
const SERVING: &[u8] = &[0x08, 0x01];

/// What a test waits for on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who trusts the authorities of these papers.
fn trusting(papers: &[&Papers]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(papers.iter().map(|papers| certificate(papers, "root.pem")));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn certificate(papers: &Papers, file: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(papers.path(file)).unwrap()
}

/// A connection, and the certificate that it was greeted with.
async fn connect(
    connector: &TlsConnector,
    address: &str,
) -> (
    Grpc<impl GrpcService<Body, Error = hyper::Error, ResponseBody = Incoming> + Clone>,
    CertificateDer<'static>,
) {
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, socket).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let service = tower::service_fn(move |request| sender.clone().send_request(request));
    (Grpc::with_origin(service, format!("https://{address}").parse().unwrap()), shown)
}

async fn logged(served: &Served, text: &str) {
    let late = Instant::now() + PATIENCE;
    while !served.log().contains(text) {
        assert!(Instant::now() < late, "never logged {text:?}:\n{}", served.log());
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_greet_new_connections_and_old_ones_go_on() {
    let database = database(EMPTY).await;
    database.execute(TABLES).await;
    let (contract, used, new) = (written(CONTRACT), papers(), papers());
    let (old_certificate, new_certificate) =
        (certificate(&used, "server.pem"), certificate(&new, "server.pem"));
    let setting = |name: &str, file: &str| format!("listener.tls_{name}={}", used.path(file).display());
    let arguments = [
        ["--contract", contract.path().to_str().unwrap()].map(str::to_owned),
        ["--database", &database.url].map(str::to_owned),
        ["--set".to_owned(), setting("certificate", "server.pem")],
        ["--set".to_owned(), setting("key", "server.key")],
    ]
    .concat();
    let start = move || Served::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let served = tokio::task::spawn_blocking(start).await.expect("it starts");
    let connector = trusting(&[&used, &new]);
    let (old, shown) = connect(&connector, &served.address).await;
    assert_eq!(shown, old_certificate);

    // Half of the new papers are of no use: the old ones stay.
    fs::copy(new.path("server.pem"), used.path("server.pem")).unwrap();
    served.signal(Signal::HUP);
    logged(&served, "the old certificates stay").await;
    assert_eq!(connect(&connector, &served.address).await.1, old_certificate);

    fs::copy(new.path("server.key"), used.path("server.key")).unwrap();
    served.signal(Signal::HUP);
    let late = Instant::now() + PATIENCE;
    let next = loop {
        let (next, shown) = connect(&connector, &served.address).await;
        if shown == new_certificate {
            break next;
        }
        assert_eq!(shown, old_certificate);
        assert!(Instant::now() < late, "the new certificate is never shown:\n{}", served.log());
    };
    for client in [old, next] {
        let answer = unary(client, HEALTH, with("", &[])).await.expect("the connection goes on");
        assert_eq!(answer.into_inner(), SERVING);
    }
    assert!(served.stop().success());
}
