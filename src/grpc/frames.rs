//! A connection's incoming bytes, in pieces of any size → which HTTP/2 frames they are.
//!
//! Only the nine bytes before each payload are looked at; `h2` reads the same bytes and judges them.

const HEADER_BYTES: usize = 9;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;
const DATA: u8 = 0x0;
const END_HEADERS: u8 = 0x4;

/// What a frame costs us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Data, or a part of a call's headers: flow control, `h2` and the calls' own limits bound them.
    Call,
    /// The caller leaves a call.
    Reset,
    /// Everything else: costs its sender nothing, and says nothing of a call.
    Control,
}

/// Where in a frame the connection is.
#[derive(Debug, Default)]
pub struct Frames {
    header: [u8; HEADER_BYTES],
    /// So many bytes of the header there are.
    have: usize,
    /// So many bytes of the payload are to come.
    left: usize,
    /// The headers of a call have begun and not ended.
    block: bool,
    /// Frames, and headers of calls, that came to their end.
    pub ended: u64,
}

impl Frames {
    /// Whether a frame, or the headers of a call, are still to be completed.
    pub fn open(&self) -> bool {
        self.have > 0 || self.block
    }

    /// Tells every frame that begins in these bytes.
    pub fn read(&mut self, mut bytes: &[u8], mut began: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.have < HEADER_BYTES {
                let taken = bytes.len().min(HEADER_BYTES - self.have);
                self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
                self.have += taken;
                bytes = &bytes[taken..];
                if self.have < HEADER_BYTES {
                    return;
                }
                began(self.begin());
            }
            let skipped = bytes.len().min(self.left);
            bytes = &bytes[skipped..];
            self.left -= skipped;
            if self.left == 0 {
                self.have = 0;
                self.ended += u64::from(!self.block);
            }
        }
    }

    fn begin(&mut self) -> Frame {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        match kind {
            HEADERS | CONTINUATION => {
                self.block = flags & END_HEADERS == 0;
                Frame::Call
            }
            DATA => Frame::Call,
            RST_STREAM => Frame::Reset,
            _ => Frame::Control,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1];
        frame.extend(payload);
        frame
    }

    #[test]
    fn frames_are_told_apart_however_they_are_cut() {
        let ping = frame(6, 0, &[0; 8]);
        let all = [frame(HEADERS, END_HEADERS, b"x"), frame(DATA, 1, b""), frame(3, 0, &[0; 4]), ping];
        let bytes = all.concat();
        for size in 1..=bytes.len() {
            let (mut frames, mut told) = (Frames::default(), Vec::new());
            bytes.chunks(size).for_each(|piece| frames.read(piece, |frame| told.push(frame)));
            assert_eq!(told, [Frame::Call, Frame::Call, Frame::Reset, Frame::Control], "by {size}");
            assert_eq!((frames.ended, frames.open()), (4, false), "by {size}");
        }
    }

    #[test]
    fn headers_end_with_the_last_of_their_frames() {
        let mut frames = Frames::default();
        frames.read(&frame(HEADERS, 0, b"a"), |_| {});
        assert_eq!((frames.ended, frames.open()), (0, true));
        frames.read(&frame(CONTINUATION, 0, b"b"), |_| {});
        assert_eq!((frames.ended, frames.open()), (0, true));
        frames.read(&frame(CONTINUATION, END_HEADERS, b"c"), |_| {});
        assert_eq!((frames.ended, frames.open()), (1, false));
    }

    #[test]
    fn a_frame_is_open_until_its_last_byte() {
        let mut frames = Frames::default();
        let data = frame(DATA, 0, b"abc");
        frames.read(&data[..11], |_| {});
        assert_eq!((frames.ended, frames.open()), (0, true));
        frames.read(&data[11..], |_| {});
        assert_eq!((frames.ended, frames.open()), (1, false));
    }
}
