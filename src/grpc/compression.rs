//! A payload, and what its caller accepts → a frame.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::settings::Compression;
use crate::pipeline::Answer;
use crate::wire::{Encoding, Payload};

pub const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
pub const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// What requests may be compressed with.
pub const ACCEPTED: HeaderValue = HeaderValue::from_static("identity,gzip,zstd");

/// How the messages of one call are framed.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    pub encoding: Option<Encoding>,
    bytes_min: usize,
    inline_bytes_max: usize,
}

/// Where a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Loopback,
    Elsewhere,
}

impl Packing {
    /// As it is, whoever asks.
    pub const PLAIN: Packing = Packing { encoding: None, bytes_min: 0, inline_bytes_max: 0 };

    /// The first of the caller's encodings that we have.
    pub fn of(headers: &HeaderMap, peer: Peer, settings: &Compression) -> Packing {
        let wanted = peer == Peer::Elsewhere || settings.loopback;
        let encoding = headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter(|_| wanted)
            .filter_map(|value| value.to_str().ok())
            .find_map(|names| names.split(',').find_map(|name| named(name.trim())));
        Packing { encoding, bytes_min: settings.bytes_min, inline_bytes_max: settings.inline_bytes_max }
    }

    /// What `grpc-encoding` says of the answer. Messages that go plain say so themselves.
    pub fn header(&self) -> Option<HeaderValue> {
        self.encoding.map(|encoding| match encoding {
            Encoding::Gzip => HeaderValue::from_static("gzip"),
            Encoding::Zstd => HeaderValue::from_static("zstd"),
        })
    }

    /// Compressed once, where the answer is kept.
    pub async fn answer(&self, answer: Answer) -> Bytes {
        let Answer { payload, kept } = answer;
        let wanted = self.encoding.filter(|_| payload.bytes() >= self.bytes_min);
        let (Some(encoding), Some(kept)) = (wanted, kept) else { return self.frame(payload).await };
        if let Some(frame) = kept.packed(encoding) {
            return frame;
        }
        let frame = self.frame(payload).await;
        kept.pack(encoding, frame.clone());
        frame
    }

    /// Plain, too, when it cannot be compressed.
    pub async fn frame(&self, payload: Payload) -> Bytes {
        let Some(encoding) = self.encoding.filter(|_| payload.bytes() >= self.bytes_min) else {
            return payload.frame();
        };
        let plain = payload.frame();
        if payload.bytes() <= self.inline_bytes_max {
            return payload.compress(encoding).unwrap_or(plain);
        }
        // The threads' queue is bounded by the calls there may be, each of which waits for its own.
        let compressed = tokio::task::spawn_blocking(move || payload.compress(encoding)).await;
        compressed.ok().and_then(Result::ok).unwrap_or(plain)
    }
}

fn named(name: &str) -> Option<Encoding> {
    match name {
        "gzip" => Some(Encoding::Gzip),
        "zstd" => Some(Encoding::Zstd),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accepted: &'static str, peer: Peer, settings: &Compression) -> Option<HeaderValue> {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
        Packing::of(&headers, peer, settings).header()
    }

    #[test]
    fn the_callers_order_decides() {
        let settings = Compression::default();
        assert_eq!(chosen("identity, zstd, gzip", Peer::Elsewhere, &settings).unwrap(), "zstd");
        assert_eq!(chosen("gzip,zstd", Peer::Elsewhere, &settings).unwrap(), "gzip");
        assert_eq!(chosen("deflate,snappy", Peer::Elsewhere, &settings), None);
        assert_eq!(chosen("", Peer::Elsewhere, &settings), None);
    }

    #[test]
    fn callers_on_loopback_get_none_unless_the_setting_says_so() {
        assert_eq!(chosen("gzip", Peer::Loopback, &Compression::default()), None);
        let settings = Compression { loopback: true, ..Compression::default() };
        assert_eq!(chosen("gzip", Peer::Loopback, &settings).unwrap(), "gzip");
    }
}
