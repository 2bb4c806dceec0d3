//! Certificates as PEM files → the server's side of TLS.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::Error;
use super::settings::Tls;

/// The certificates that connections are greeted with; a copy is the same ones.
#[derive(Clone)]
pub struct Certificates {
    files: Arc<Tls>,
    config: Arc<ArcSwap<ServerConfig>>,
}

impl Certificates {
    pub fn load(files: &Tls) -> Result<Self, Error> {
        let config = Arc::new(ArcSwap::new(server(files)?));
        Ok(Certificates { files: Arc::new(files.clone()), config })
    }

    /// Reads the files again, for connections to come; those that cannot be used change nothing.
    pub fn reload(&self) -> Result<(), Error> {
        self.config.store(server(&self.files)?);
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }
}

fn server(tls: &Tls) -> Result<Arc<ServerConfig>, Error> {
    let chain = certificates(&tls.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|source| Error::Pem {
        path: tls.key.clone(),
        holds: "a private key",
        source,
    })?;
    let provider = Arc::new(ring::default_provider());
    let certificate = |source| Error::Certificate { path: tls.certificate.clone(), source };
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(certificate)?;
    let config = match &tls.client_roots {
        None => config.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                .build()
                .map_err(|source| Error::ClientRoots { path: path.clone(), source })?;
            config.with_client_cert_verifier(verifier)
        }
    };
    let mut config = config.with_single_cert(chain, key).map_err(certificate)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates =
        CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|source| Error::Pem { path: path.to_owned(), holds: "certificates", source })?;
    if certificates.is_empty() {
        return Err(Error::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}
