//! DataRow messages → rows whose columns are slices of one buffer, so that no row allocates.

use std::io;

use crate::wire::Columns;

/// What a statement answered.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The bodies of the messages, without their counts of columns.
    data: Vec<u8>,
    /// Row after row, `columns` for each.
    values: Vec<Value>,
    columns: usize,
    rows: usize,
    /// The limit was reached: these rows are the first ones, and the statement was cancelled.
    pub cut: bool,
    /// When the row that reached the limit was alone larger than it: its bytes. The row is not here.
    pub oversized: Option<u64>,
}

/// Where in `data` a value is.
#[derive(Debug, Clone, Copy)]
struct Value {
    start: u32,
    end: u32,
}

/// Begins behind its end, where no slice is.
const NULL: Value = Value { start: u32::MAX, end: 0 };

/// One row; a view.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    data: &'a [u8],
    values: &'a [Value],
}

impl Rows {
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes Postgres sent for these rows.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    pub fn row(&self, row: usize) -> Option<Row<'_>> {
        let start = row.checked_mul(self.columns)?;
        let values = self.values.get(start..start + self.columns)?;
        (row < self.rows).then_some(Row { data: &self.data, values })
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> + Clone {
        (0..self.rows).map(|row| Row {
            data: &self.data,
            values: &self.values[row * self.columns..(row + 1) * self.columns],
        })
    }

    /// Takes the body of a DataRow message.
    pub(super) fn push(&mut self, body: &[u8]) -> io::Result<()> {
        let (count, values) = body.split_first_chunk::<2>().ok_or_else(malformed)?;
        let columns = usize::from(u16::from_be_bytes(*count));
        if self.rows == 0 {
            self.columns = columns;
        } else if self.columns != columns {
            return Err(malformed());
        }
        let known = self.values.len();
        if let Err(error) = self.place(values, columns) {
            self.values.truncate(known);
            return Err(error);
        }
        self.data.extend_from_slice(values);
        self.rows += 1;
        Ok(())
    }

    /// Finds the values that will stand behind the data there is.
    fn place(&mut self, values: &[u8], columns: usize) -> io::Result<()> {
        let base = u32::try_from(self.data.len()).map_err(|_| malformed())?;
        let bytes = u32::try_from(values.len()).map_err(|_| malformed())?;
        base.checked_add(bytes).ok_or_else(malformed)?;
        self.values.reserve(columns);
        let mut at = 0;
        for _ in 0..columns {
            let length = values.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(malformed)?;
            at += 4;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                self.values.push(NULL);
                continue;
            };
            let end = at + length;
            if end > values.len() {
                return Err(malformed());
            }
            self.values.push(Value { start: base + at as u32, end: base + end as u32 });
            at = end;
        }
        if at == values.len() { Ok(()) } else { Err(malformed()) }
    }
}

impl<'a> Row<'a> {
    /// Postgres' binary form of the value; None is NULL, or a column the row does not have.
    #[inline]
    pub fn get(&self, column: usize) -> Option<&'a [u8]> {
        let Value { start, end } = *self.values.get(column)?;
        self.data.get(start as usize..end as usize)
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl Columns for Row<'_> {
    #[inline]
    fn get(&self, column: usize) -> Option<&[u8]> {
        Row::get(self, column)
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a row does not have the columns it announces")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_body_is_a_row_or_refused(columns in 0u8..4, rest in prop::collection::vec(0u8..6, 0..24)) {
            let mut rows = Rows::default();
            let body = [&[0, columns][..], &rest].concat();
            for _ in 0..2 {
                if rows.push(&body).is_ok() {
                    let row = rows.row(rows.len() - 1).unwrap();
                    prop_assert_eq!(row.len(), usize::from(columns));
                    let bytes: usize = (0..row.len()).map(|at| 4 + row.get(at).unwrap_or_default().len()).sum();
                    prop_assert_eq!(bytes, rest.len());
                }
            }
        }
    }

    fn body(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| value.len() as i32);
            body.extend(length.to_be_bytes());
            body.extend(value.unwrap_or_default());
        }
        body
    }

    #[test]
    fn values_come_back_as_sent() {
        let mut rows = Rows::default();
        rows.push(&body(&[Some(b"one"), None, Some(b"")])).unwrap();
        rows.push(&body(&[None, Some(b"two"), Some(b"three")])).unwrap();
        let seen: Vec<Vec<Option<&[u8]>>> =
            rows.iter().map(|row| (0..row.len()).map(|column| row.get(column)).collect()).collect();
        assert_eq!(seen, [[Some(&b"one"[..]), None, Some(b"")], [None, Some(&b"two"[..]), Some(b"three")]]);
        assert!(rows.row(2).is_none());
        assert_eq!(rows.row(1).unwrap().get(3), None);
    }

    #[test]
    fn a_lying_row_is_refused() {
        for broken in [&b"\0"[..], b"\0\x01\0\0\0\x05abc", b"\0\x01\0\0\0\x01abc", b"\0\x02\0\0\0\x01a"] {
            assert!(Rows::default().push(broken).is_err());
        }
    }
}
