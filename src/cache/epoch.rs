//! Which life of which database ↔ a number.

use sha2::{Digest, Sha256};

/// A life of a database: it ends with a crash, a promotion or a restore, after which transaction ids may repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// From the system identifier and the nonce that vanishes in a crash. Two lives have the same epoch once in 2^64.
    pub fn of(system_identifier: u64, nonce: &[u8]) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(system_identifier.to_be_bytes()).chain_update(nonce).finalize().into();
        let (head, _) = digest.split_first_chunk::<8>().expect("32 bytes are more than 8");
        Epoch(u64::from_be_bytes(*head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_nonce_or_another_system_is_another_epoch() {
        let epoch = Epoch::of(7, b"nonce");
        assert_eq!(epoch, Epoch::of(7, b"nonce"));
        assert_ne!(epoch, Epoch::of(7, b"other"));
        assert_ne!(epoch, Epoch::of(8, b"nonce"));
    }
}
