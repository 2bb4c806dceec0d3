//! What was asked → sixteen bytes that name the entry of its answer.

use sha2::{Digest, Sha256};

/// The same in every process that serves the same contract over the same catalog. Callers choose what goes in, and no two
/// questions may meet: hence SHA-256, of which half is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub [u8; 16]);

/// The part of a key that many questions share, hashed once.
#[derive(Debug, Clone, Default)]
pub struct Prefix {
    hash: Sha256,
}

impl Prefix {
    /// With one more part; parts are told apart whatever bytes they hold.
    pub fn with(mut self, part: &[u8]) -> Self {
        self.hash.update((part.len() as u64).to_be_bytes());
        self.hash.update(part);
        self
    }

    pub fn key(self) -> Key {
        let digest: [u8; 32] = self.hash.finalize().into();
        let (head, _) = digest.split_first_chunk().expect("32 bytes are more than 16");
        Key(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key =
            |parts: &[&[u8]]| parts.iter().fold(Prefix::default(), |prefix, part| prefix.with(part)).key();
        assert_eq!(key(&[b"ab", b"c"]), key(&[b"ab", b"c"]));
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
        assert_ne!(key(&[b"a"]), key(&[b"a", b""]));
    }
}
