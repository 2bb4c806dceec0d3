//! `sslmode` and its files → a rustls configuration that checks as libpq does.

pub(super) mod binding;
mod verify;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, version};

use super::conninfo::{Roots, Ssl, SslMode};
use super::dial::Negotiation;
use super::error::Error;
use verify::{Depth, Verifier};

/// The protocol name direct TLS negotiates.
const ALPN: &[u8] = b"postgresql";

/// Reads the files; says which of them is not usable.
pub(super) fn configure(ssl: &Ssl) -> Result<Arc<ClientConfig>, Error> {
    let roots = roots(ssl)?;
    // With a root file, `require` checks the chain too: libpq's rule, kept from before verify-ca.
    let depth = match (ssl.mode, &roots) {
        (SslMode::VerifyFull, _) => Depth::Name,
        (SslMode::VerifyCa, _) | (SslMode::Require, Some(_)) => Depth::Chain,
        _ => Depth::Nothing,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (roots, pinned) = roots.unwrap_or_else(|| (RootCertStore::empty(), Vec::new()));
    let verifier = Verifier::new(depth, roots, pinned, provider.clone())?;
    let versions: &[&rustls::SupportedProtocolVersion] =
        if ssl.tls13_only { &[&version::TLS13] } else { &[&version::TLS13, &version::TLS12] };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| Error::Url(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match (&ssl.certificate, &ssl.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable("sslkey", key, &error))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| unusable("sslcert", certificate, &error))?
        }
        (Some(_), None) => return Err(Error::Url("sslcert needs sslkey".to_owned())),
        (None, _) => builder.with_no_client_auth(),
    };
    config.enable_sni = ssl.sni;
    if ssl.negotiation == Negotiation::Direct {
        config.alpn_protocols = vec![ALPN.to_vec()];
    }
    Ok(Arc::new(config))
}

/// The roots to trust, and the file's certificates themselves.
type Trusted = (RootCertStore, Vec<CertificateDer<'static>>);

fn roots(ssl: &Ssl) -> Result<Option<Trusted>, Error> {
    let mut store = RootCertStore::empty();
    let mut pinned = Vec::new();
    match &ssl.roots {
        Roots::None if ssl.mode >= SslMode::VerifyCa => {
            let text = "sslmode=verify-ca and verify-full need sslrootcert (a file, or `system`)";
            return Err(Error::Url(text.to_owned()));
        }
        Roots::None => return Ok(None),
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(Error::Url(
                    "sslrootcert=system: this machine has no root certificates".to_owned(),
                ));
            }
        }
        Roots::File(path) => {
            pinned = certificates(path)?;
            for certificate in &pinned {
                store.add(certificate.clone()).map_err(|error| unusable("sslrootcert", path, &error))?;
            }
        }
    }
    Ok(Some((store, pinned)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = fs::read(path).map_err(|error| unusable("certificate", path, &error))?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| unusable("certificate", path, &error))?;
    if found.is_empty() {
        return Err(Error::Url(format!("{} holds no certificate", path.display())));
    }
    Ok(found)
}

fn unusable(what: &str, path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Url(format!("{what} {} is not usable: {error}", path.display()))
}
