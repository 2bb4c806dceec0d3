//! Postgres' text `xmin:xmax:xid,xid,…` ↔ which transactions are visible.
//!
//! Visible is as `pg_visible_in_snapshot` has it: an aborted transaction counts as visible once it is over, and
//! there is nothing of it to be seen.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// A top-level transaction id with its epoch: `xid8`. Never reused within one [`Epoch`](super::Epoch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid(pub u64);

/// What a reader could see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// All below are visible.
    xmin: Xid,
    /// None from here on is visible.
    xmax: Xid,
    /// Not visible, from `xmin` to below `xmax`, ascending.
    in_progress: Box<[Xid]>,
}

/// Characters of a wrong text that an error shows.
const EXCERPT_CHARS: usize = 64;

impl Snapshot {
    /// Everything below `xid` is visible, and nothing else.
    pub fn below(xid: Xid) -> Self {
        Snapshot { xmin: xid, xmax: xid, in_progress: Box::default() }
    }

    /// Why not, when Postgres could not have said so.
    pub(super) fn new(xmin: Xid, xmax: Xid, in_progress: Vec<Xid>) -> Result<Self, &'static str> {
        if xmin == Xid(0) || xmax < xmin {
            return Err("xmin is 0, or above xmax");
        }
        if in_progress.iter().any(|xid| *xid < xmin || *xid >= xmax) {
            return Err("an id in progress is outside xmin..xmax");
        }
        if !in_progress.is_sorted_by(|a, b| a < b) {
            return Err("ids in progress do not ascend");
        }
        Ok(Snapshot { xmin, xmax, in_progress: in_progress.into() })
    }

    pub fn xmin(&self) -> Xid {
        self.xmin
    }

    pub fn xmax(&self) -> Xid {
        self.xmax
    }

    /// Ascending, from `xmin` to below `xmax`.
    pub fn in_progress(&self) -> &[Xid] {
        &self.in_progress
    }

    /// `pg_visible_in_snapshot(xid, self)`.
    pub fn sees(&self, xid: Xid) -> bool {
        xid < self.xmin || (xid < self.xmax && self.in_progress.binary_search(&xid).is_err())
    }

    /// `xids` ascend. Looks for what is not visible here among them, since that is short, and they may be many.
    pub fn sees_all(&self, xids: &[Xid]) -> bool {
        match xids.last() {
            None => true,
            Some(last) if *last < self.xmin => true,
            Some(last) if *last >= self.xmax => false,
            Some(_) => self.in_progress.iter().all(|xid| xids.binary_search(xid).is_err()),
        }
    }

    /// self ⊆ other: nothing visible here is invisible there.
    pub fn within(&self, other: &Snapshot) -> bool {
        if other.in_progress.iter().any(|xid| self.sees(*xid)) {
            return false;
        }
        // The other sees nothing from its xmax on, so here each of those up to our xmax must be in progress.
        let beyond = self.in_progress.len() - self.in_progress.partition_point(|xid| *xid < other.xmax);
        beyond as u64 >= self.xmax.0.saturating_sub(other.xmax.0)
    }

    /// Sees what either sees.
    pub fn union(&self, other: &Snapshot) -> Snapshot {
        let (longer, shorter) = if self.xmax >= other.xmax { (self, other) } else { (other, self) };
        let in_progress: Box<[Xid]> =
            longer.in_progress.iter().copied().filter(|xid| !shorter.sees(*xid)).collect();
        let xmin = in_progress.first().copied().unwrap_or(longer.xmax);
        Snapshot { xmin, xmax: longer.xmax, in_progress }
    }
}

impl FromStr for Snapshot {
    type Err = Error;

    /// Strict: what Postgres would not print is an error.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|why| Error::Snapshot { text: text.chars().take(EXCERPT_CHARS).collect(), why })
    }
}

fn parse(text: &str) -> Result<Snapshot, &'static str> {
    let parts = text.split_once(':').and_then(|(xmin, rest)| Some((xmin, rest.split_once(':')?)));
    let (xmin, (xmax, list)) = parts.ok_or("there are not three parts")?;
    let in_progress = match list {
        "" => Vec::new(),
        list => list.split(',').map(xid).collect::<Result<_, _>>()?,
    };
    Snapshot::new(xid(xmin)?, xid(xmax)?, in_progress)
}

fn xid(text: &str) -> Result<Xid, &'static str> {
    // A sign or a leading zero is nothing Postgres prints, though `u64` would read it.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = plain.then(|| text.parse().ok()).flatten();
    number.map(Xid).ok_or("a part is not a number from 1 to 2^64 - 1")
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin.0, self.xmax.0)?;
        for (at, xid) in self.in_progress.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { "," }, xid.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
