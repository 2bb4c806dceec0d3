//! TLS and mutual TLS on the listener.

use std::fs;
use std::path::PathBuf;

use rowcall::grpc::{Server, Settings, Tls};
use tonic::client::Grpc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::served::{GET, Served, serve, settings, unary, with};
use crate::support::{Papers, papers};

impl Papers {
    fn settings(&self, client_roots: Option<PathBuf>) -> Settings {
        let (certificate, key) = (self.path("server.pem"), self.path("server.key"));
        Settings { tls: Some(Tls { certificate, key, client_roots }), ..settings() }
    }

    fn client(&self, served: &Served) -> ClientConnection {
        let tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.root)).domain_name("localhost");
        ClientConnection { uri: format!("https://{}", served.address), tls }
    }
}

struct ClientConnection {
    uri: String,
    tls: ClientTlsConfig,
}

impl ClientConnection {
    fn channel(self) -> Channel {
        Endpoint::try_from(self.uri).unwrap().tls_config(self.tls).unwrap().connect_lazy()
    }
}

#[tokio::test]
async fn a_call_over_tls_is_answered() {
    let papers = papers();
    let served = serve(papers.settings(None)).await;
    let client = Grpc::new(papers.client(&served).channel());
    assert_eq!(unary(client, GET, with("hello", &[])).await.unwrap().into_inner(), "hello");
    assert!(served.get("hello").await.is_err(), "plaintext on a TLS port");
}

#[tokio::test]
async fn mutual_tls_takes_only_callers_it_knows() {
    let papers = papers();
    let served = serve(papers.settings(Some(papers.path("root.pem")))).await;
    let stranger = Grpc::new(papers.client(&served).channel());
    assert!(unary(stranger, GET, with("hello", &[])).await.is_err());
    let mut known = papers.client(&served);
    known.tls = known.tls.identity(Identity::from_pem(&papers.caller.0, &papers.caller.1));
    let known = Grpc::new(known.channel());
    assert_eq!(unary(known, GET, with("hello", &[])).await.unwrap().into_inner(), "hello");
}

#[tokio::test]
async fn files_that_are_no_certificates_are_errors_at_start() {
    let papers = papers();
    fs::write(papers.path("empty.pem"), "").unwrap();
    for (certificate, key, said) in [
        ("none.pem", "server.key", "cannot read"),
        ("empty.pem", "server.key", "holds no certificate"),
        ("server.pem", "empty.pem", "cannot read"),
        ("root.pem", "server.key", "do not work together"),
    ] {
        let tls = Tls { certificate: papers.path(certificate), key: papers.path(key), client_roots: None };
        let error = Server::bind(Settings { tls: Some(tls), ..settings() }).await.err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn reloaded_certificates_greet_the_next_connection() {
    let old = papers();
    let served = serve(old.settings(None)).await;
    let certificates = served.certificates.clone().unwrap();
    let new = papers();
    fs::copy(new.path("server.pem"), old.path("server.pem")).unwrap();
    assert!(certificates.reload().is_err(), "the old key and the new certificate");
    let client = Grpc::new(old.client(&served).channel());
    assert!(unary(client, GET, with("hello", &[])).await.is_ok(), "what cannot be used changes nothing");
    fs::copy(new.path("server.key"), old.path("server.key")).unwrap();
    certificates.reload().unwrap();
    let client = Grpc::new(new.client(&served).channel());
    assert_eq!(unary(client, GET, with("hello", &[])).await.unwrap().into_inner(), "hello");
    let client = Grpc::new(old.client(&served).channel());
    assert!(unary(client, GET, with("hello", &[])).await.is_err());
}
