//! A position in a list ↔ the sealed text that a caller brings back to go on from there.
//!
//! A token is opaque and cannot be made by anyone without the key. It carries Postgres' binary
//! values, so that nothing loses precision, and digests of the request it was made for, so that
//! what differs can be said. Equal positions have equal tokens, within an hour.

mod payload;

use std::time::Duration;

use aes_gcm_siv::aead::Aead;
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Violation;
use super::query::Deleted;
use crate::call::{Scope, Total};
use crate::catalog::Oid;
use crate::contract::options::Reason;

/// A token's text is at most so long: a position holds a row's values of its order.
pub const TOKEN_BYTES_MAX: usize = 256 << 10;

/// The moment of issue is kept to the hour, so that a page asked for twice has the same bytes.
const ISSUE_SECONDS: u64 = 3600;

const NONCE_BYTES: usize = 12;

/// The keys that tokens are sealed with: the first seals, all of them open.
#[derive(Clone)]
pub struct Keys {
    first: Key,
    others: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    cipher: Aes256GcmSiv,
    /// What nonces are made with, apart from the cipher's own key.
    nonce: [u8; 32],
}

/// What a token is for: a page's is of no use to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Page,
    Resume,
}

/// The request a token belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    pub purpose: Purpose,
    /// `/chinook.v1.ChinookService/ListTracks`.
    pub method: &'a str,
    pub parent: &'a str,
    pub filter: &'a str,
    pub order: &'a str,
    pub deleted: Deleted,
    pub scope: &'a Scope,
    /// Of the values of the position, in order.
    pub types: &'a [Oid],
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The last row's values of the order; None is NULL.
    pub values: Vec<Option<Bytes>>,
    /// As counted for the first page.
    pub total: Option<Total>,
}

impl Keys {
    /// Of the key that seals, which it does not give away: who has another cannot open its tokens.
    pub fn name(&self) -> [u8; 16] {
        let digest = Sha256::new().chain_update(b"name").chain_update(self.first.nonce).finalize();
        let (head, _) = digest.split_first_chunk().expect("32 bytes are more than 16");
        *head
    }

    pub fn new(first: [u8; 32], others: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Keys { first: Key::new(first), others: others.into_iter().map(Key::new).collect() }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl Key {
    fn new(key: [u8; 32]) -> Self {
        let nonce = Sha256::new().chain_update(b"rowcall token nonce").chain_update(key).finalize();
        Key { cipher: Aes256GcmSiv::new(&key.into()), nonce: nonce.into() }
    }

    fn nonce(&self, payload: &[u8]) -> [u8; NONCE_BYTES] {
        let digest: [u8; 32] = Sha256::new().chain_update(self.nonce).chain_update(payload).finalize().into();
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&digest[..NONCE_BYTES]);
        nonce
    }
}

/// `issued_at` is seconds since 1970.
pub fn seal(keys: &Keys, binding: &Binding<'_>, position: &Position, issued_at: u64) -> String {
    let payload = payload::encode(binding, position, issued_at / ISSUE_SECONDS);
    let nonce = keys.first.nonce(&payload);
    let sealed = keys
        .first
        .cipher
        .encrypt(&Nonce::from(nonce), payload.as_slice())
        .expect("a payload is shorter than the cipher's limit of 64 GiB");
    let mut token = Vec::with_capacity(NONCE_BYTES + sealed.len());
    token.extend_from_slice(&nonce);
    token.extend_from_slice(&sealed);
    URL_SAFE_NO_PAD.encode(token)
}

/// `field` is the request field the token came in, for the violation.
pub fn open(
    keys: &Keys,
    binding: &Binding<'_>,
    text: &str,
    now: u64,
    age_max: Duration,
    field: &str,
) -> Result<Position, Violation> {
    let refuse =
        |why: &str| Violation::new(Reason::TokenInvalid, field, format!("{why}; start again without it"));
    let forged = || refuse("not a token of this server, or sealed with a key it no longer has");
    if text.len() > TOKEN_BYTES_MAX {
        return Err(forged());
    }
    let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| forged())?;
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(forged)?;
    let payload = std::iter::once(&keys.first)
        .chain(&keys.others)
        .find_map(|key| key.cipher.decrypt(&Nonce::from(*nonce), sealed).ok())
        .ok_or_else(forged)?;
    let opened = payload::decode(&payload).ok_or_else(|| refuse("made by another version of this server"))?;
    if let Some(parts) = payload::differences(&opened, binding) {
        return Err(refuse(&format!("made for another {parts}")));
    }
    // The hour of issue counts as a whole, in the caller's favour.
    let expires = (opened.issued_hour + 1) * ISSUE_SECONDS + age_max.as_secs();
    if now > expires {
        return Err(refuse(&format!("older than {}", span(age_max))));
    }
    if opened.position.values.len() != binding.types.len() {
        return Err(forged());
    }
    Ok(opened.position)
}

fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 && s > 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 && s > 0 => (s / 3_600, "hour"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
