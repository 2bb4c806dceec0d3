//! Certificates for a server and for a caller, by an authority of their own.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// `server.pem`, `server.key` and `root.pem`, in a folder.
pub struct Papers {
    folder: TempDir,
    /// The authority's certificate, as PEM.
    pub root: String,
    /// A certificate and its key, as PEM.
    pub caller: (String, String),
}

pub fn papers() -> Papers {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let sign = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        // OpenSSL takes one that is named like its authority for the authority itself.
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
    };
    let (certificate, key) = sign("localhost");
    fs::write(folder.path().join("server.pem"), certificate).unwrap();
    fs::write(folder.path().join("server.key"), key).unwrap();
    fs::write(folder.path().join("root.pem"), authority.pem()).unwrap();
    Papers { folder, root: authority.pem(), caller: sign("caller") }
}

impl Papers {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
