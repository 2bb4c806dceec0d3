//! Get and BatchGet: keys → rows in the order asked, or the names of those that are not there.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::join::Wanted;
use super::list::RAW_RATIO_MAX;
use super::page::limits;
use super::relations::{Short, Snapshots, Tree, ordinal};
use super::shapes::Shape;
use super::{Pipeline, decode};
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::bind::{self, Lookup};
use crate::plan::mask::Mask;
use crate::plan::query::{Deleted, Output, Rows as Asked, Select};
use crate::plan::{Method, Plans, Resource};
use crate::postgres::{Ending, Limit, Mode, Rows, Sight, StatementTimeout, Want};
use crate::sql::{self, Param};
use crate::wire::{self, Payload, Pushed};

impl Pipeline {
    pub(super) async fn get(
        &self,
        plans: &Arc<Plans>,
        method: &Method,
        resource: usize,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Payload, Error> {
        let started = Instant::now();
        let asked = bind::get(plans, resource, decode(plans, method, request)?, &call.hints)?;
        let shape = self.shape(plans, resource, &asked.mask)?;
        notes.took(Stage::Bind, started.elapsed());
        if shape.projection.relations.is_empty() {
            let (plans, scope) = (plans.clone(), call.scope.clone());
            let deadline = call.deadline.at(started);
            return self.joiner.get(Wanted { plans, shape, scope, key: asked.key, deadline }, notes).await;
        }
        // Relations are read in a snapshot of the call's own.
        let lookup = Lookup { resource, projection: shape.projection.clone(), keys: vec![asked.key] };
        let found = Box::pin(self.look_up(plans, &lookup, call, notes)).await?;
        let started = Instant::now();
        let payload = wire::message(&lookup.projection, &found.level(), 0, self.settings.message_bytes_max)?;
        notes.took(Stage::Encode, started.elapsed());
        Ok(payload)
    }

    /// Kept while these plans are the ones in force.
    fn shape(&self, plans: &Arc<Plans>, resource: usize, mask: &Mask) -> Result<Arc<Shape>, Error> {
        let shapes = self.shapes.load();
        if Arc::ptr_eq(shapes.plans(), plans) {
            return Ok(shapes.shape(resource, mask)?);
        }
        Ok(Arc::new(Shape::new(plans, resource, mask)?))
    }

    #[expect(clippy::too_many_arguments, reason = "the call, its plan and where the rows go")]
    pub(super) async fn batch_get(
        &self,
        plans: &Arc<Plans>,
        method: &Method,
        resource: usize,
        rows: u32,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Payload, Error> {
        let started = Instant::now();
        let request = decode(plans, method, request)?;
        let lookup = bind::batch_get(plans, resource, request, &call.hints, &self.settings.limits)?;
        notes.took(Stage::Bind, started.elapsed());
        let found = self.look_up(plans, &lookup, call, notes).await?;
        let started = Instant::now();
        // A row that was asked for twice answers twice.
        let positions = positions(found.rows(), &lookup);
        let level = found.level();
        let mut page = wire::Page::new(rows, limits(&self.settings, self.settings.message_bytes_max));
        for at in positions.into_iter().flatten() {
            if let Pushed::Full = page.push(&lookup.projection, &level, at)? {
                return Err(Error::ResultTooLarge { bytes_max: self.settings.message_bytes_max });
            }
        }
        let payload = page.finish();
        notes.took(Stage::Encode, started.elapsed());
        Ok(payload)
    }

    /// All rows and their relations, or the names of those that are missing.
    async fn look_up<'a>(
        &self,
        plans: &Plans,
        lookup: &'a Lookup,
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Tree<'a>, Error> {
        let mut snapshots = Snapshots::new(&lookup.projection);
        loop {
            match self.look_up_once(plans, lookup, call, notes).await {
                Err(error) => snapshots.another(error)?,
                found => return found,
            }
        }
    }

    async fn look_up_once<'a>(
        &self,
        plans: &Plans,
        lookup: &'a Lookup,
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Tree<'a>, Error> {
        let resource = &plans.resources[lookup.resource];
        let select = select(resource, lookup);
        let statement = sql::render(plans, &select);
        let depth = lookup.projection.depth();
        let (mode, ending) = match depth {
            0 => (Mode::Single, Ending::Last),
            _ => (Mode::Snapshot, Ending::More),
        };
        let want = |deadline| Want {
            deadline,
            mode,
            statement_timeout: StatementTimeout::Net,
            sight: Sight::Untold,
        };
        let session = self.session(call, want, notes).await?;
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
        missing(resource, lookup, &rows)?;
        let taken = rows.len();
        let mut tree = Tree::new(&lookup.projection, rows, taken);
        match tree.load(plans, &mut session, Deleted::Hidden, limit).await {
            Ok(()) => {}
            Err(Short::Failed(error)) => return Err(error.into()),
            Err(Short::TooMuch) => return Err(too_large(resource, lookup, &self.settings)),
        }
        notes.took(Stage::Execute, started.elapsed());
        notes.truncated.extend(tree.truncated.iter().cloned());
        Ok(tree)
    }
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
fn positions(rows: &Rows, lookup: &Lookup) -> Vec<Option<usize>> {
    let at = lookup.projection.outputs.len();
    let mut positions = vec![None; lookup.keys.len()];
    for (row, columns) in rows.iter().enumerate() {
        if let Some(position) = positions.get_mut(ordinal(columns.get(at))) {
            *position = Some(row);
        }
    }
    positions
}

fn missing(resource: &Resource, lookup: &Lookup, rows: &Rows) -> Result<(), Error> {
    let found = positions(rows, lookup);
    let absent = lookup.keys.iter().zip(&found).filter(|(_, found)| found.is_none());
    let names: Vec<String> = absent.map(|(key, _)| resource.name_of_key(key)).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Error::Missing { kind: resource.kind.clone(), names })
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
