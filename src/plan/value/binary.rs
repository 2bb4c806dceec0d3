//! Bytes as Postgres' `send` functions write them → their parts, never past the end.

use crate::catalog::Oid;

/// Bytes that cannot be a value of the type they came as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not what Postgres sends for this type")]
pub struct BadBytes;

/// What is left of a value.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(bytes)
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], BadBytes> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(BadBytes)?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], BadBytes> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(BadBytes)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, BadBytes> {
        Ok(self.fixed::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, BadBytes> {
        self.fixed().map(u16::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16, BadBytes> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, BadBytes> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, BadBytes> {
        self.fixed().map(u32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, BadBytes> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub fn f32(&mut self) -> Result<f32, BadBytes> {
        self.fixed().map(f32::from_be_bytes)
    }

    pub fn f64(&mut self) -> Result<f64, BadBytes> {
        self.fixed().map(f64::from_be_bytes)
    }

    /// A length and so many bytes; a length of -1 is NULL.
    pub fn sized(&mut self) -> Result<Option<&'a [u8]>, BadBytes> {
        match self.i32()? {
            -1 => Ok(None),
            n => self.take(usize::try_from(n).map_err(|_| BadBytes)?).map(Some),
        }
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), BadBytes> {
        if self.0.is_empty() { Ok(()) } else { Err(BadBytes) }
    }
}

/// A value of fixed size, all of it.
pub fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, BadBytes>,
) -> Result<T, BadBytes> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// An array's elements, whatever its dimensions, in storage order.
#[derive(Debug)]
pub struct Elements<'a> {
    pub dimensions: usize,
    /// Each dimension's length, from the outermost.
    pub lengths: [usize; 6],
    pub count: usize,
    pub element: Oid,
    reader: Reader<'a>,
}

impl<'a> Elements<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, BadBytes> {
        let mut reader = Reader::new(bytes);
        let dimensions = usize::try_from(reader.i32()?).map_err(|_| BadBytes)?;
        let _has_nulls = reader.i32()?;
        let element = reader.u32()?;
        let mut lengths = [0; 6];
        let mut count: usize = if dimensions == 0 { 0 } else { 1 };
        for length in lengths.get_mut(..dimensions).ok_or(BadBytes)? {
            *length = usize::try_from(reader.i32()?).map_err(|_| BadBytes)?;
            count = count.checked_mul(*length).ok_or(BadBytes)?;
            let _lower_bound = reader.i32()?;
        }
        Ok(Elements { dimensions, lengths, count, element, reader })
    }

    /// The next element; to be asked `count` times, then `end`.
    pub fn next_element(&mut self) -> Result<Option<&'a [u8]>, BadBytes> {
        self.reader.sized()
    }

    pub fn end(self) -> Result<(), BadBytes> {
        self.reader.end()
    }
}

/// A range's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds<'a> {
    pub empty: bool,
    pub lower: Option<&'a [u8]>,
    pub upper: Option<&'a [u8]>,
    pub lower_inclusive: bool,
    pub upper_inclusive: bool,
}

pub const RANGE_EMPTY: u8 = 0x01;
pub const RANGE_LOWER_INCLUSIVE: u8 = 0x02;
pub const RANGE_UPPER_INCLUSIVE: u8 = 0x04;
pub const RANGE_LOWER_INFINITE: u8 = 0x08;
pub const RANGE_UPPER_INFINITE: u8 = 0x10;

impl<'a> Bounds<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, BadBytes> {
        let mut reader = Reader::new(bytes);
        let flags = reader.u8()?;
        let empty = flags & RANGE_EMPTY != 0;
        let mut bound = |infinite: u8| {
            if empty || flags & infinite != 0 { Ok(None) } else { reader.sized()?.ok_or(BadBytes).map(Some) }
        };
        let lower = bound(RANGE_LOWER_INFINITE)?;
        let upper = bound(RANGE_UPPER_INFINITE)?;
        reader.end()?;
        Ok(Bounds {
            empty,
            lower,
            upper,
            lower_inclusive: !empty && flags & RANGE_LOWER_INCLUSIVE != 0,
            upper_inclusive: !empty && flags & RANGE_UPPER_INCLUSIVE != 0,
        })
    }
}

/// The ranges of a multirange, one after the other.
pub fn ranges<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(&'a [u8]) -> Result<(), BadBytes>,
) -> Result<(), BadBytes> {
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.u32()? {
        each(reader.sized()?.ok_or(BadBytes)?)?;
    }
    reader.end()
}
