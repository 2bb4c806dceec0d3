//! Encoded bytes → frames.

use std::io::Read as _;

use bytes::{BufMut as _, Bytes, BytesMut};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Gzip,
    Zstd,
}

#[derive(Debug, Clone)]
pub struct Payload(Bytes);

impl Payload {
    pub fn new(message: Bytes) -> Self {
        Payload(frame(0, &message))
    }

    pub fn message(&self) -> Bytes {
        self.0.slice(5..)
    }

    pub fn len(&self) -> usize {
        self.0.len() - 5
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn frame(&self) -> Bytes {
        self.0.clone()
    }

    pub fn compress(&self, encoding: Encoding) -> Bytes {
        let packed = match encoding {
            Encoding::Gzip => {
                let mut out = Vec::new();
                let mut reader = flate2::read::GzEncoder::new(&self.0[5..], flate2::Compression::new(1));
                reader.read_to_end(&mut out).map(|_| out)
            }
            Encoding::Zstd => zstd::encode_all(&self.0[5..], 1),
        };
        packed.map_or_else(|_| self.frame(), |bytes| frame(1, &bytes))
    }
}

fn frame(flag: u8, message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(flag);
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}
