//! A certificate → its `tls-server-end-point` channel binding (RFC 5929): the certificate's hash, by
//! the algorithm of its own signature.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// None where the hash is not defined (Ed25519, RSA-PSS) or the certificate does not parse.
pub(in crate::postgres) fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (sequence, _) = element(certificate, 0x30)?;
    let (_, after_body) = element(sequence, 0x30)?;
    let (algorithm, _) = element(after_body, 0x30)?;
    let (oid, _) = element(algorithm, 0x06)?;
    // 1.2.840.113549.1.1.x: RSA; 1.2.840.10045.4.3.x: ECDSA.
    let rsa = oid.strip_prefix(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01]);
    let ecdsa = oid.strip_prefix(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03]);
    match (rsa, ecdsa) {
        // MD5 and SHA-1 are replaced by SHA-256.
        (Some([4 | 5 | 11]), _) | (_, Some([2])) => Some(Sha256::digest(certificate).to_vec()),
        (Some([12]), _) | (_, Some([3])) => Some(Sha384::digest(certificate).to_vec()),
        (Some([13]), _) | (_, Some([4])) => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// A DER element of this tag: its content, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}
