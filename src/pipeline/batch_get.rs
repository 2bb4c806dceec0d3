//! BatchGet: keys → rows in the order asked, or the names of those that are not there.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::keep::{Answer, Aside, Course, Got, LookForAll, Read};
use super::lookup::{Looked, positions, tags};
use super::page::limits;
use super::shapes::Shape;
use super::{Pipeline, decode};
use crate::cache::{Entry, Key, Tag};
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::bind::{self, Lookup};
use crate::plan::{Method, Plans};
use crate::postgres::{Server, Sight};
use crate::wire::{self, Payload, Pushed};

impl Pipeline {
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
        notes.took(Stage::Bind, started);
        let batch = Batch { pipeline: self, plans, shape: &shape, call, lookup: &lookup, rows };
        let (course, keys) =
            match self.keeper.look_for_all(&shape.terms, (method, || batch.keys()), call, notes)? {
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
        notes.took(Stage::Encode, started);
        let aside = Aside::new(None, &tree.truncated);
        Ok(Got { payload: Some(payload), aside: aside.bytes(), seen })
    }

    fn tags(&self) -> Vec<Tag> {
        tags(self.plans, self.shape, self.lookup.keys.iter().map(Vec::as_slice))
    }
}

impl Batch<'_> {
    /// One for each row, in the order asked.
    fn keys(&self) -> Vec<Key> {
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
        notes.took(Stage::Encode, started);
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
