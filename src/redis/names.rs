//! A key of the cache → the key in Redis: `prefix:version:epoch:key`.
//!
//! Another life of the database, and another version of Rowcall, whose entries this one may read differently, have
//! keys of their own; what is under the old ones is never asked for again, and expires.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::cache::{Epoch, FORM_VERSION, Key};

pub(super) struct Names {
    /// Up to the epoch.
    head: String,
}

impl Names {
    pub fn new(prefix: &str) -> Self {
        Names { head: format!("{prefix}:{}-{FORM_VERSION}", env!("CARGO_PKG_VERSION")) }
    }

    pub fn of(&self, epoch: Epoch, key: Key) -> String {
        format!("{}:{:016x}:{}", self.head, epoch.0, URL_SAFE_NO_PAD.encode(key.0))
    }

    /// Nothing is ever stored here: it is asked for to see whether it can be.
    pub fn probe(&self) -> String {
        format!("{}:probe", self.head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_version_epoch_and_key_tell_names_apart() {
        let (names, version) = (Names::new("shop"), env!("CARGO_PKG_VERSION"));
        let name = names.of(Epoch(0x1f), Key([0xff; 16]));
        assert_eq!(name, format!("shop:{version}-{FORM_VERSION}:000000000000001f:_____________________w"));
        assert_ne!(names.of(Epoch(0x1e), Key([0xff; 16])), name);
        assert_ne!(names.of(Epoch(0x1f), Key([0xfe; 16])), name);
        assert_ne!(Names::new("other").of(Epoch(0x1f), Key([0xff; 16])), name);
    }
}
