//! Keys → their rows, read in one statement, with what depends on them.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::Pipeline;
use super::list::RAW_RATIO_MAX;
use super::relations::{Short, Snapshots, Tree, ordinal};
use super::shapes::Shape;
use crate::cache::Tag;
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::bind::Lookup;
use crate::plan::query::{Deleted, Output, Rows as Asked, Select};
use crate::plan::{Plans, Resource};
use crate::postgres::{Ending, Limit, Mode, Rows, Seen, Server, Sight, StatementTimeout, Want};
use crate::sql::{self, Param};
use crate::wire;

/// What rows by key come to.
pub(super) struct Looked<'a> {
    /// Err: the names of those that are not there.
    pub found: Result<Tree<'a>, Vec<String>>,
    pub seen: Option<Arc<Seen>>,
}
impl Pipeline {
    /// All rows and their relations, or which of them are missing.
    pub(super) async fn look_up<'a>(
        &self,
        plans: &Plans,
        lookup: &'a Lookup,
        (server, sight): (&Server, Sight),
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Looked<'a>, Error> {
        let mut snapshots = Snapshots::new(&lookup.projection);
        loop {
            match self.look_up_once(plans, lookup, (server, sight), call, notes).await {
                Err(error) => snapshots.another(error)?,
                found => return found,
            }
        }
    }

    async fn look_up_once<'a>(
        &self,
        plans: &Plans,
        lookup: &'a Lookup,
        (server, sight): (&Server, Sight),
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Looked<'a>, Error> {
        let resource = &plans.resources[lookup.resource];
        let select = select(resource, lookup);
        let statement = sql::render(plans, &select);
        let depth = lookup.projection.depth();
        let (mode, ending) = match depth {
            0 => (Mode::Single, Ending::Last),
            _ => (Mode::Snapshot, Ending::More),
        };
        let want = |deadline| Want { deadline, mode, statement_timeout: StatementTimeout::Net, sight };
        let session = self.session(server, call, want, notes).await?;
        let mut session = match mode {
            Mode::Single => session,
            Mode::Snapshot => session.guarded(sql::guard(plans, &select, &lookup.projection)),
        };
        let started = Instant::now();
        let limit = Limit { bytes_max: self.settings.message_bytes_max.saturating_mul(RAW_RATIO_MAX) };
        let rows =
            session.run(std::slice::from_ref(&statement), ending, limit).await?.pop().unwrap_or_default();
        if rows.cut {
            return Err(too_large(resource, lookup, &self.settings));
        }
        let seen = session.take_seen().map(Arc::new);
        let missing = missing(resource, lookup, &rows);
        if !missing.is_empty() {
            notes.took(Stage::Execute, started);
            return Ok(Looked { found: Err(missing), seen });
        }
        let taken = rows.len();
        let mut tree = Tree::new(&lookup.projection, rows, taken);
        match tree.load(plans, &mut session, Deleted::Hidden, limit).await {
            Ok(()) => {}
            Err(Short::Failed(error)) => return Err(error.into()),
            Err(Short::TooMuch) => return Err(too_large(resource, lookup, &self.settings)),
        }
        notes.took(Stage::Execute, started);
        Ok(Looked { found: Ok(tree), seen })
    }
}

/// What rows by key depend on, found or not, with all that is read beside them.
pub(super) fn tags<'k>(plans: &Plans, shape: &Shape, keys: impl Iterator<Item = &'k [Bytes]>) -> Vec<Tag> {
    let resource = &plans.resources[shape.resource];
    let mut tags: Vec<Tag> = keys.flat_map(|key| resource.get_tags(key)).collect();
    tags.extend_from_slice(&shape.terms.beside);
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Soft-deleted rows are found too. One key is compared with, which Postgres plans once and runs in
/// half the time; several come as arrays, and the ordinal behind the outputs tells them apart.
pub(super) fn select(resource: &Resource, lookup: &Lookup) -> Select {
    let mut outputs = lookup.projection.outputs.clone();
    let (rows, equals) = match lookup.keys.as_slice() {
        [key] => (Asked::All, resource.key.iter().copied().zip(values(resource, key)).collect()),
        keys => {
            outputs.push(Output::Ordinal);
            let arrays = arrays(resource, keys.iter().map(Vec::as_slice));
            (Asked::Keys { columns: resource.key.clone(), arrays }, Vec::new())
        }
    };
    Select {
        resource: lookup.resource,
        outputs,
        rows,
        equals,
        filter: None,
        deleted: Deleted::Shown,
        order: Vec::new(),
        after: None,
        limit: None,
        skip: 0,
    }
}

/// A key as parameters.
pub(super) fn values(resource: &Resource, key: &[Bytes]) -> Vec<Param> {
    let value = |(&column, value): (&usize, &Bytes)| Param {
        oid: resource.columns[column].value.oid,
        value: Some(value.clone()),
    };
    resource.key.iter().zip(key).map(value).collect()
}

/// Keys as parameters: an array for each column of the key.
pub(super) fn arrays<'k>(resource: &Resource, keys: impl Iterator<Item = &'k [Bytes]> + Clone) -> Vec<Param> {
    let array = |(at, &column): (usize, &usize)| {
        let values = keys.clone().map(|key| key.get(at).map(|value| &value[..]));
        resource.columns[column].value.array(values)
    };
    resource.key.iter().enumerate().map(array).collect()
}

/// The result's row of every key, in the order asked.
pub(super) fn positions(rows: &Rows, lookup: &Lookup) -> Vec<Option<usize>> {
    let at = lookup.projection.outputs.len();
    let mut positions = vec![None; lookup.keys.len()];
    for (row, columns) in rows.iter().enumerate() {
        if let Some(position) = positions.get_mut(ordinal(columns.get(at))) {
            *position = Some(row);
        }
    }
    positions
}

/// The names of rows that were not found.
fn missing(resource: &Resource, lookup: &Lookup, rows: &Rows) -> Vec<String> {
    let found = positions(rows, lookup);
    let absent = lookup.keys.iter().zip(&found).filter(|(_, found)| found.is_none());
    absent.map(|(key, _)| resource.name_of_key(key)).collect()
}

fn too_large(resource: &Resource, lookup: &Lookup, settings: &super::Settings) -> Error {
    let bytes_max = settings.message_bytes_max;
    match lookup.keys.as_slice() {
        [one] => {
            let row = resource.name_of_key(one);
            let bytes = bytes_max.saturating_mul(RAW_RATIO_MAX);
            Error::Wire(wire::Error::RowTooLarge { row, bytes, bytes_max })
        }
        _ => Error::ResultTooLarge { bytes_max },
    }
}
