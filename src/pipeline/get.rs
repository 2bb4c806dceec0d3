//! Get and BatchGet: keys → rows in the order asked, or the names of those that are not there.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::join::Wanted;
use super::keep::{Answer, Answered, Aside, Course, Got, Look, LookForAll, Read};
use super::list::RAW_RATIO_MAX;
use super::page::limits;
use super::relations::{Short, Snapshots, Tree, ordinal};
use super::shapes::Shape;
use super::{Pipeline, decode};
use crate::cache::{Entry, Tag};
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::bind::{self, Lookup};
use crate::plan::mask::Mask;
use crate::plan::query::{Deleted, Output, Rows as Asked, Select};
use crate::plan::{Method, Plans, Resource};
use crate::postgres::{Ending, Limit, Mode, Rows, Seen, Server, Sight, StatementTimeout, Want};
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
    ) -> Result<Answer, Error> {
        let started = Instant::now();
        let asked = bind::get(plans, resource, decode(plans, method, request)?, &call.hints)?;
        let shape = self.shape(plans, resource, &asked.mask)?;
        notes.took(Stage::Bind, started.elapsed());
        let key = || shape.key(&call.scope, &asked.key);
        let course = match self.keeper.look(&shape.terms, key, call, notes)? {
            Look::Hit(answered) => return self.row(plans, &shape, &asked.key, answered, notes),
            Look::Read(course) => course,
        };
        let row = Row { pipeline: self, plans, shape: &shape, call, key: &asked.key, started };
        if course.plain() {
            // Nothing is to be known of it or kept: the answer itself is all there is.
            return match row.read(&self.primary(), Sight::Untold, notes).await?.payload {
                Some(payload) => Ok(payload.into()),
                None => Err(missing_row(plans, &shape, &asked.key)),
            };
        }
        let answered = Box::pin(self.keeper.read(&course, &shape.terms, &row, &self.servers, notes)).await?;
        self.row(plans, &shape, &asked.key, answered, notes)
    }

    fn row(
        &self,
        plans: &Plans,
        shape: &Shape,
        key: &[Bytes],
        answered: Answered,
        notes: &mut Notes,
    ) -> Result<Answer, Error> {
        if let Some(aside) = Aside::of(&answered.entry.aside).filter(|_| !answered.entry.aside.is_empty()) {
            aside.tell(notes);
        }
        match &answered.entry.payload {
            Some(payload) => Ok(Answer { payload: payload.clone(), kept: self.keeper.kept(&answered) }),
            None => Err(missing_row(plans, shape, key)),
        }
    }

    /// Kept while these plans are the ones in force.
    fn shape(&self, plans: &Arc<Plans>, resource: usize, mask: &Mask) -> Result<Arc<Shape>, Error> {
        let shapes = self.shapes.load();
        if Arc::ptr_eq(shapes.plans(), plans) {
            return Ok(shapes.shape(resource, mask)?);
        }
        Ok(Arc::new(Shape::new(plans, resource, mask, self.keeper.defaults())?))
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
    ) -> Result<Answer, Error> {
        let started = Instant::now();
        let request = decode(plans, method, request)?;
        let (mask, lookup) = bind::batch_get(plans, resource, request, &call.hints, &self.settings.limits)?;
        let shape = self.shape(plans, resource, &mask)?;
        notes.took(Stage::Bind, started.elapsed());
        let batch = Batch { pipeline: self, plans, shape: &shape, call, lookup: &lookup, rows };
        let (course, keys) = match self.keeper.look_for_all(&shape.terms, || batch.keys(), call, notes)? {
            LookForAll::Hit(entries) => return batch.assemble(&entries, notes),
            LookForAll::Read(course, keys) => (course, keys),
        };
        if let Some(entries) = self.keeper.look_elsewhere(&course, &keys, notes).await {
            return batch.assemble(&entries, notes);
        }
        let answered = self.keeper.read(&course, &shape.terms, &batch, &self.servers, notes).await?;
        batch.keep_rows(&course, &answered.entry, notes);
        let aside = Aside::of(&answered.entry.aside).unwrap_or_default();
        match &answered.entry.payload {
            Some(payload) => {
                aside.tell(notes);
                Ok(payload.clone().into())
            }
            None => {
                Err(Error::Missing { kind: plans.resources[resource].kind.clone(), names: aside.missing })
            }
        }
    }

    /// All rows and their relations, or which of them are missing.
    async fn look_up<'a>(
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
            notes.took(Stage::Execute, started.elapsed());
            return Ok(Looked { found: Err(missing), seen });
        }
        let taken = rows.len();
        let mut tree = Tree::new(&lookup.projection, rows, taken);
        match tree.load(plans, &mut session, Deleted::Hidden, limit).await {
            Ok(()) => {}
            Err(Short::Failed(error)) => return Err(error.into()),
            Err(Short::TooMuch) => return Err(too_large(resource, lookup, &self.settings)),
        }
        notes.took(Stage::Execute, started.elapsed());
        Ok(Looked { found: Ok(tree), seen })
    }
}

/// What rows by key come to.
struct Looked<'a> {
    /// Err: the names of those that are not there.
    found: Result<Tree<'a>, Vec<String>>,
    seen: Option<Arc<Seen>>,
}

/// One row to be read.
struct Row<'a> {
    pipeline: &'a Pipeline,
    plans: &'a Arc<Plans>,
    shape: &'a Arc<Shape>,
    call: &'a Call,
    key: &'a [Bytes],
    started: Instant,
}

impl Read for Row<'_> {
    type Answer = Got;

    async fn read(&self, server: &Server, sight: Sight, notes: &mut Notes) -> Result<Got, Error> {
        let Row { pipeline, plans, shape, call, key, started } = *self;
        if shape.projection.relations.is_empty() {
            let (plans, shape, scope) = (plans.clone(), shape.clone(), call.scope.clone());
            let (server, key, deadline) = (server.clone(), key.to_vec(), call.deadline.at(started));
            let wanted = Wanted { plans, shape, server, sight, scope, key, deadline };
            let found = pipeline.joiner.get(wanted, notes).await?;
            return Ok(Got { payload: found.payload, aside: Bytes::new(), seen: found.seen });
        }
        // Relations are read in a snapshot of the call's own.
        Box::pin(self.read_related(server, sight, notes)).await
    }

    fn tags(&self) -> Vec<Tag> {
        tags(self.plans, self.shape, std::iter::once(self.key))
    }
}

impl Row<'_> {
    async fn read_related(&self, server: &Server, sight: Sight, notes: &mut Notes) -> Result<Got, Error> {
        let Row { pipeline, plans, shape, call, key, .. } = *self;
        let (resource, projection) = (shape.resource, shape.projection.clone());
        let lookup = Lookup { resource, projection, keys: vec![key.to_vec()] };
        let Looked { found, seen } = pipeline.look_up(plans, &lookup, (server, sight), call, notes).await?;
        let Ok(tree) = found else { return Ok(Got { payload: None, aside: Bytes::new(), seen }) };
        let started = Instant::now();
        let bytes_max = pipeline.settings.message_bytes_max;
        let payload = wire::message(&lookup.projection, &tree.level(), 0, bytes_max)?;
        notes.took(Stage::Encode, started.elapsed());
        let aside = Aside::new(None, &tree.truncated);
        aside.clone().tell(notes);
        Ok(Got { payload: Some(payload), aside: aside.bytes(), seen })
    }
}

/// Several rows to be read, into one message.
struct Batch<'a> {
    pipeline: &'a Pipeline,
    plans: &'a Arc<Plans>,
    shape: &'a Arc<Shape>,
    call: &'a Call,
    lookup: &'a Lookup,
    /// The field of the response that has them.
    rows: u32,
}

impl Read for Batch<'_> {
    type Answer = Got;

    async fn read(&self, server: &Server, sight: Sight, notes: &mut Notes) -> Result<Got, Error> {
        let Batch { pipeline, plans, call, lookup, .. } = *self;
        let Looked { found, seen } = pipeline.look_up(plans, lookup, (server, sight), call, notes).await?;
        let tree = match found {
            Ok(tree) => tree,
            Err(missing) => {
                let aside = Aside { missing, ..Aside::default() };
                return Ok(Got { payload: None, aside: aside.bytes(), seen });
            }
        };
        let started = Instant::now();
        // A row that was asked for twice answers twice.
        let positions = positions(tree.rows(), lookup);
        let level = tree.level();
        let mut page = self.page();
        for at in positions.into_iter().flatten() {
            if let Pushed::Full = page.push(&lookup.projection, &level, at)? {
                return Err(self.too_large());
            }
        }
        let payload = page.finish();
        notes.took(Stage::Encode, started.elapsed());
        let aside = Aside::new(None, &tree.truncated);
        Ok(Got { payload: Some(payload), aside: aside.bytes(), seen })
    }

    fn tags(&self) -> Vec<Tag> {
        tags(self.plans, self.shape, self.lookup.keys.iter().map(Vec::as_slice))
    }
}

impl Batch<'_> {
    /// One for each row, in the order asked.
    fn keys(&self) -> Vec<crate::cache::Key> {
        self.lookup.keys.iter().map(|key| self.shape.key(&self.call.scope, key)).collect()
    }

    fn page(&self) -> wire::Page {
        let settings = &self.pipeline.settings;
        wire::Page::new(self.rows, limits(settings, settings.message_bytes_max))
    }

    fn too_large(&self) -> Error {
        Error::ResultTooLarge { bytes_max: self.pipeline.settings.message_bytes_max }
    }

    /// Kept rows → the message they would have been read into.
    fn assemble(&self, entries: &[Arc<Entry>], notes: &mut Notes) -> Result<Answer, Error> {
        let (resource, started) = (&self.plans.resources[self.lookup.resource], Instant::now());
        let mut page = self.page();
        let mut names = Vec::new();
        for (entry, key) in entries.iter().zip(&self.lookup.keys) {
            match &entry.payload {
                None => names.push(resource.name_of_key(key)),
                Some(payload) if names.is_empty() => {
                    if let Pushed::Full = page.push_message(&payload.message()) {
                        return Err(self.too_large());
                    }
                }
                Some(_) => {}
            }
            Aside::of(&entry.aside).unwrap_or_default().tell(notes);
        }
        if !names.is_empty() {
            return Err(Error::Missing { kind: resource.kind.clone(), names });
        }
        notes.took(Stage::Encode, started.elapsed());
        Ok(page.finish().into())
    }

    /// The rows of a batch that this call has read are kept one by one, where Gets find them.
    fn keep_rows(&self, course: &Course, whole: &Entry, notes: &Notes) {
        let (Some(payload), Some(label)) = (&whole.payload, whole.label()) else { return };
        // Which row left out rows of a relation is not told.
        if !notes.read_here() || !notes.truncated.is_empty() || !self.lookup.projection.relations.is_empty() {
            return;
        }
        let message = payload.message();
        let rows = wire::messages(&message, self.rows);
        for (row, key) in rows.zip(&self.lookup.keys) {
            let row_tags = || tags(self.plans, self.shape, std::iter::once(key.as_slice()));
            self.pipeline.keeper.keep_part(
                self.shape.key(&self.call.scope, key),
                Payload::of(row),
                label,
                (course, &self.shape.terms),
                row_tags,
            );
        }
    }
}

/// What rows by key depend on, found or not, with all that is read beside them.
fn tags<'k>(plans: &Plans, shape: &Shape, keys: impl Iterator<Item = &'k [Bytes]>) -> Vec<Tag> {
    let resource = &plans.resources[shape.resource];
    let mut tags: Vec<Tag> = keys.flat_map(|key| resource.get_tags(key)).collect();
    tags.extend_from_slice(&shape.terms.beside);
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn missing_row(plans: &Plans, shape: &Shape, key: &[Bytes]) -> Error {
    let resource = &plans.resources[shape.resource];
    Error::Missing { kind: resource.kind.clone(), names: vec![resource.name_of_key(key)] }
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
