//! An encoded message → a gRPC frame: a flag, a length, the bytes.

use std::io::{self, Write as _};

use bytes::{BufMut, Bytes};

/// What the frame of most resources fits in.
const FRAME_BYTES: usize = 256;

/// A flag byte and four of length.
pub const HEADER_BYTES: usize = 5;

/// One message in a ready frame. Cheap to clone; what the cache keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    frame: Bytes,
}

struct Holding<T> {
    frame: Bytes,
    _held: T,
}

impl<T> AsRef<[u8]> for Holding<T> {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

/// What `grpc-encoding` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Gzip,
    Zstd,
}

impl Payload {
    /// Encodes behind room for the header, so that nothing is copied.
    pub fn encode<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Payload, E> {
        let mut out = buffer();
        write(&mut out)?;
        Ok(Payload::close(out))
    }

    /// Of a message that is encoded already.
    pub fn of(message: &[u8]) -> Payload {
        let mut out = buffer();
        out.put_slice(message);
        Payload::close(out)
    }

    /// Of a frame that was kept elsewhere; None when it is not one of a single plain message.
    pub fn framed(frame: Bytes) -> Option<Payload> {
        is_frame(&frame, Flag::Identity).then_some(Payload { frame })
    }

    /// Fills in the header of a `buffer`.
    pub(super) fn close(mut out: Vec<u8>) -> Payload {
        seal(&mut out, Flag::Identity);
        Payload { frame: out.into() }
    }

    /// Keeps `held` for as long as any of its bytes is.
    pub fn with(self, held: impl Send + 'static) -> Payload {
        Payload { frame: Bytes::from_owner(Holding { frame: self.frame, _held: held }) }
    }

    /// Of the message.
    pub fn bytes(&self) -> usize {
        self.frame.len() - HEADER_BYTES
    }

    /// The message alone.
    pub fn message(&self) -> Bytes {
        self.frame.slice(HEADER_BYTES..)
    }

    /// In as many bytes as it has: a page is written into room for more, and what is left of it may be small.
    pub fn compact(self) -> Payload {
        Payload { frame: Bytes::copy_from_slice(&self.frame) }
    }

    /// Flag 0, length, message.
    pub fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    /// Flag 1, length, the message compressed at level 1.
    pub fn compress(&self, encoding: Encoding) -> io::Result<Bytes> {
        let message = &self.frame[HEADER_BYTES..];
        let mut out = buffer();
        out.reserve(message.len() / 2);
        match encoding {
            Encoding::Gzip => {
                let mut gzip =
                    flate2::write::GzEncoder::new((&mut out).writer(), flate2::Compression::new(LEVEL));
                gzip.write_all(message)?;
                gzip.finish()?;
            }
            Encoding::Zstd => {
                let mut zstd = zstd::stream::write::Encoder::new((&mut out).writer(), LEVEL as i32)?;
                zstd.set_pledged_src_size(Some(message.len() as u64))?;
                zstd.write_all(message)?;
                zstd.finish()?;
            }
        }
        seal(&mut out, Flag::Compressed);
        Ok(out.into())
    }
}

const LEVEL: u32 = 1;

#[derive(Clone, Copy)]
enum Flag {
    Identity = 0,
    Compressed = 1,
}

/// Room for a header, to be filled in by `seal`.
pub(super) fn buffer() -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_BYTES);
    out.put_bytes(0, HEADER_BYTES);
    out
}

/// Whether these bytes are one compressed message in its frame, as `compress` makes it.
pub fn is_packed(frame: &[u8]) -> bool {
    is_frame(frame, Flag::Compressed)
}

fn is_frame(frame: &[u8], flag: Flag) -> bool {
    frame.split_first_chunk::<HEADER_BYTES>().is_some_and(|([found, length @ ..], message)| {
        *found == flag as u8 && u32::from_be_bytes(*length) as usize == message.len()
    })
}

fn seal(out: &mut [u8], flag: Flag) {
    let length = (out.len() - HEADER_BYTES) as u32;
    out[0] = flag as u8;
    out[1..HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compact_does_not_keep_the_buffer_it_was_written_to() {
        let room = |payload: Payload| payload.frame.try_into_mut().expect("nobody else has it").capacity();
        let write = |out: &mut Vec<u8>| {
            out.reserve(1 << 20);
            out.put_bytes(7, 1_000);
            Ok::<_, ()>(())
        };
        let payload = Payload::encode(write).expect("it is written");
        let compact = payload.clone().compact();
        assert_eq!(compact, payload);
        assert!(room(compact) < 2_000 && room(payload) > 1 << 20);
    }

    #[test]
    fn a_frame_is_taken_back_when_it_is_whole() {
        let payload = Payload::of(b"message");
        let frame = payload.frame();
        assert_eq!(Payload::framed(frame.clone()), Some(payload.clone()));
        assert_eq!(Payload::framed(frame.slice(..frame.len() - 1)), None);
        assert_eq!(Payload::framed(frame.slice(..3)), None);
        let packed = payload.compress(Encoding::Gzip).expect("it compresses");
        assert!(is_packed(&packed) && !is_packed(&frame));
        assert_eq!(Payload::framed(packed), None);
    }
}
