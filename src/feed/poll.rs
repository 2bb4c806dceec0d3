//! One question to the primary, and its answer → a snapshot, changes as tags, and facts about tables.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::cache::{Epoch, Snapshot, Tag, Xid};
use crate::catalog::Oid;
use crate::postgres::Rows;
use crate::sql::{Param, Statement, oid};

/// How the database's system is known. The first needs a right that everybody has unless it was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Control,
    Identity,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    pub system: System,
    pub since: &'a Snapshot,
    pub tables: &'a [Oid],
    /// What the facts were summed up as; empty for all of them anew.
    pub digest: &'a str,
    pub changes_max: usize,
    /// All that had ended before the catalog was read that the plans are made from.
    pub plans_since: Xid,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub snapshot: Snapshot,
    pub recovery: bool,
    /// None: the first poll after a crash or a promotion.
    pub nonce: Option<String>,
    pub system: u64,
    pub version: i32,
    pub floor: Xid,
    /// None: nothing can have changed.
    pub digest: Option<String>,
    /// None: as they were.
    pub facts: Option<Vec<Facts>>,
    pub changes: Vec<(Xid, Vec<Tag>)>,
    /// There were more changes than asked for.
    pub cut: bool,
}

/// What the catalog says of a table and of all that inherits from it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Facts {
    pub root: Oid,
    /// Another one whenever something was done to it.
    pub print: String,
    /// The print, and what the proof is read from.
    pub mark: String,
    /// Whether an equal mark, earlier, proves that nothing was done to it in between.
    pub proves: bool,
    /// Whether what plans are made from may have been written after they were.
    pub newer: bool,
    /// None when it is gone.
    pub relations: Option<Vec<RelationFacts>>,
}

#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct RelationFacts {
    pub name: String,
    pub kind: char,
    pub row_security: bool,
    pub subscribed: bool,
    /// Name and `tgenabled` of those that call the right function.
    pub triggers: Vec<(String, char)>,
    pub told: Option<ToldFacts>,
}

#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct ToldFacts {
    pub key: Vec<String>,
    pub parts: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("the feed's answer is not as it should be: {0}")]
pub struct Malformed(String);

const XID8: Oid = 5069;
const BYTEA_ARRAY: Oid = 1001;
const OID_ARRAY: Oid = 1028;

const POLL: &str = include_str!("statements/poll.sql");
/// The poll's first row alone, without what takes long: enough when no transaction has ended since.
const REST: &str = "SELECT pg_catalog.json_build_object(\
    'snapshot', pg_catalog.pg_current_snapshot()::text, 'recovery', pg_catalog.pg_is_in_recovery(), 'system', SYSTEM, \
    'nonce', (SELECT e.nonce FROM rowcall.epoch e), 'version', s.version, 'floor', s.floor_xmin::text)::text \
    FROM rowcall.state s";
/// With the database: a copy that was made of it has its nonce and its tables' numbers, too.
const CONTROL: &str = "(SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() c) || ' ' || \
    (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";
const IDENTITY: &str = "s.identity::text || (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

/// What the planner knows of a table that fills and empties is of no use, and a plan made each time costs more than the
/// statement: until the end of the run, indexes and one plan for all.
pub fn plainly() -> Statement {
    const PLAINLY: &str = "SELECT pg_catalog.set_config('jit', 'off', true), \
        pg_catalog.set_config('enable_seqscan', 'off', true), pg_catalog.set_config('enable_bitmapscan', 'off', true), \
        pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)";
    Statement::own(PLAINLY, [oid::TEXT; 4])
}

/// Read like the poll's own answer. It is one when its snapshot is the one that is asked since.
pub fn rest(system: System) -> Statement {
    let text = REST.replace("SYSTEM", system.sql());
    Statement::own(text, [oid::TEXT])
}

impl System {
    fn sql(self) -> &'static str {
        match self {
            System::Control => CONTROL,
            System::Identity => IDENTITY,
        }
    }
}

pub fn statement(question: &Question<'_>) -> Statement {
    let text = |text: String| Param { oid: oid::TEXT, value: Some(text.into()) };
    let number =
        |number: i64| Param { oid: oid::INT8, value: Some(Bytes::copy_from_slice(&number.to_be_bytes())) };
    // One more than is taken tells that there are more.
    let most = i64::try_from(question.changes_max).unwrap_or(i64::MAX - 1) + 1;
    Statement {
        text: POLL.replace("SYSTEM", question.system.sql()).into(),
        params: vec![
            text(question.since.to_string()),
            Param { oid: OID_ARRAY, value: Some(oids(question.tables)) },
            text(question.digest.to_owned()),
            number(most),
            number(question.plans_since.0.cast_signed()),
        ],
        columns: [oid::TEXT, XID8, oid::OID, BYTEA_ARRAY].into(),
        about: None,
    }
}

fn oids(tables: &[Oid]) -> Bytes {
    let mut bytes = Vec::new();
    for number in [i32::from(!tables.is_empty()), 0, oid::OID as i32] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    if !tables.is_empty() {
        bytes.extend_from_slice(&(tables.len() as i32).to_be_bytes());
        bytes.extend_from_slice(&1i32.to_be_bytes());
    }
    for table in tables {
        bytes.extend_from_slice(&4i32.to_be_bytes());
        bytes.extend_from_slice(&table.to_be_bytes());
    }
    bytes.into()
}

#[derive(Deserialize)]
struct Head {
    snapshot: String,
    recovery: bool,
    system: String,
    nonce: Option<String>,
    version: i32,
    floor: String,
    digest: Option<String>,
    facts: Option<Vec<Facts>>,
}

/// Reads the rows of the poll's statement.
pub fn read(rows: &Rows, changes_max: usize) -> Result<Answer, Malformed> {
    let bad = |what: &str| Malformed(what.to_owned());
    let mut rows_left = rows.iter();
    let head = rows_left.next().and_then(|row| row.get(0)).ok_or_else(|| bad("there is no state"))?;
    let head: Head = serde_json::from_slice(head).map_err(|error| Malformed(error.to_string()))?;
    let mut changes: BTreeMap<Xid, Vec<Tag>> = BTreeMap::new();
    let (mut count, mut cut) = (0, rows.cut);
    for row in rows_left {
        count += 1;
        if count > changes_max {
            cut = true;
            break;
        }
        let xid = row.get(1).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let table = row.get(2).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        let (Some(xid), Some(table)) = (xid, table) else {
            return Err(bad("a change without its transaction"));
        };
        let touched = changes.entry(Xid(xid)).or_default();
        match row.get(3) {
            None => touched.extend(Tag::touched_by_bulk(table)),
            Some(keys) => touch(table, keys, touched).ok_or_else(|| bad("a change's keys are none"))?,
        }
    }
    let changes = changes.into_iter().map(|(xid, mut tags)| {
        tags.sort_unstable_by_key(|tag| tag.to_bytes());
        tags.dedup();
        (xid, tags)
    });
    Ok(Answer {
        snapshot: head.snapshot.parse().map_err(|error: crate::cache::Error| Malformed(error.to_string()))?,
        recovery: head.recovery,
        system: head.system.parse().unwrap_or_else(|_| hashed(&head.system)),
        nonce: head.nonce,
        version: head.version,
        floor: Xid(head.floor.parse().map_err(|_| bad("the floor is no transaction id"))?),
        digest: head.digest,
        facts: head.facts,
        changes: changes.collect(),
        cut,
    })
}

/// What one record touches: see `trigger`.
fn touch(table: Oid, keys: &[u8], touched: &mut Vec<Tag>) -> Option<()> {
    touched.push(Tag::any(table));
    for element in elements(keys)? {
        let (column, value) = element.split_first_chunk::<2>()?;
        touched.push(match i16::from_be_bytes(*column) {
            0 => Tag::row(table, value),
            column => Tag::part(table, column, value),
        });
    }
    Some(())
}

/// The elements of a binary bytea[], which has one dimension and no NULL.
fn elements(mut array: &[u8]) -> Option<Vec<&[u8]>> {
    fn number(bytes: &mut &[u8]) -> Option<i32> {
        let (number, rest) = bytes.split_first_chunk::<4>()?;
        *bytes = rest;
        Some(i32::from_be_bytes(*number))
    }
    let dimensions = number(&mut array)?;
    let (_nulls, _element) = (number(&mut array)?, number(&mut array)?);
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let (count, _lowest) = (number(&mut array)?, number(&mut array)?);
    let mut elements = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(number(&mut array)?).ok()?;
        let (element, rest) = array.split_at_checked(length)?;
        elements.push(element);
        array = rest;
    }
    (dimensions == 1 && array.is_empty()).then_some(elements)
}

fn hashed(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text).into();
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

impl Facts {
    /// By which answers that were read know it.
    pub fn tag(&self) -> Tag {
        Tag::ddl_as(self.root, hashed(&self.mark))
    }
}

impl Answer {
    /// None before a life of the database has a name.
    pub fn epoch(&self) -> Option<Epoch> {
        self.nonce.as_ref().map(|nonce| Epoch::of(self.system, nonce.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn array(elements: &[&[u8]]) -> Vec<u8> {
        let numbers = [1, 0, 17, elements.len() as i32, 1];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number: &i32| number.to_be_bytes()).collect();
        for element in elements {
            bytes.extend((element.len() as i32).to_be_bytes());
            bytes.extend(*element);
        }
        bytes
    }

    #[test]
    fn an_element_says_its_column() {
        let mut touched = Vec::new();
        touch(7, &array(&[b"\0\0key", b"\0\x03part", b"\0\0"]), &mut touched).expect("well-formed");
        let expected = [Tag::any(7), Tag::row(7, b"key"), Tag::part(7, 3, b"part"), Tag::row(7, b"")];
        assert_eq!(touched, expected);
    }

    #[test]
    fn an_array_that_lies_is_refused() {
        assert_eq!(elements(&[0; 12]), Some(Vec::new()));
        let whole = array(&[b"\0\0key"]);
        for length in 0..whole.len() {
            assert_eq!(elements(&whole[..length]), None, "{length}");
        }
        assert!(touch(1, &array(&[b"\0"]), &mut Vec::new()).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = touch(1, &bytes, &mut Vec::new());
        }
    }
}
