//! What there is to say of an answer beside its message ↔ the bytes that are kept with it.

use bytes::Bytes;
use prost::Message;

use crate::call::{Notes, Total};

/// Kept with an answer, and in Redis with other processes' answers: fields are added, never given another meaning.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Aside {
    #[prost(uint64, optional, tag = "1")]
    pub exact: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub estimated: Option<u64>,
    #[prost(string, repeated, tag = "3")]
    pub truncated: Vec<String>,
    /// Of a chunk of a stream: the order's values of its last row.
    #[prost(message, repeated, tag = "4")]
    pub last: Vec<Value>,
    /// Further rows follow.
    #[prost(bool, tag = "5")]
    pub more: bool,
    /// Of a batch: the names of rows that are not there.
    #[prost(string, repeated, tag = "6")]
    pub missing: Vec<String>,
}

/// One value of a position; NULL has no bytes.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Value {
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub bytes: Option<Bytes>,
}

impl Aside {
    pub fn new(total: Option<Total>, truncated: &[String]) -> Self {
        let (exact, estimated) = match total {
            None => (None, None),
            Some(Total::Exact(rows)) => (Some(rows), None),
            Some(Total::Estimated(rows)) => (None, Some(rows)),
        };
        Aside { exact, estimated, truncated: truncated.to_vec(), ..Aside::default() }
    }

    pub fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// None when they are not of this form; there is an answer to be read then.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Aside::decode(bytes).ok()
    }

    pub fn total(&self) -> Option<Total> {
        self.exact.map(Total::Exact).or(self.estimated.map(Total::Estimated))
    }

    pub fn tell(self, notes: &mut Notes) {
        notes.total = self.total().or(notes.total);
        for path in self.truncated {
            if !notes.truncated.contains(&path) {
                notes.truncated.push(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_of_an_answer_is_said_of_it_again() {
        for total in [None, Some(Total::Exact(0)), Some(Total::Estimated(120_000))] {
            let aside = Aside::new(total, &["tracks".to_owned()]);
            let mut notes = Notes::default();
            Aside::of(&aside.bytes()).expect("its own bytes").tell(&mut notes);
            assert_eq!((notes.total, notes.truncated), (total, vec!["tracks".to_owned()]));
        }
        assert_eq!(Aside::default().bytes(), Bytes::new());
    }
}
