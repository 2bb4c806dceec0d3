//! Get: a key → its row, or that there is none.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::join::Wanted;
use super::keep::{Answer, Answered, Aside, Got, Look, Read};
use super::lookup::{Looked, tags};
use super::shapes::Shape;
use super::{Pipeline, decode};
use crate::cache::Tag;
use crate::call::{Call, Notes, Stage};
use crate::error::Error;
use crate::plan::bind::{self, Lookup};
use crate::plan::mask::Mask;
use crate::plan::{Method, Plans};
use crate::postgres::{Server, Sight};
use crate::wire;

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
        notes.took(Stage::Bind, started);
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
    pub(super) fn shape(
        &self,
        plans: &Arc<Plans>,
        resource: usize,
        mask: &Mask,
    ) -> Result<Arc<Shape>, Error> {
        let shapes = self.shapes.load();
        if Arc::ptr_eq(shapes.plans(), plans) {
            return Ok(shapes.shape(resource, mask)?);
        }
        Ok(Arc::new(Shape::new(plans, resource, mask, self.keeper.defaults())?))
    }
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
        notes.took(Stage::Encode, started);
        let aside = Aside::new(None, &tree.truncated);
        aside.clone().tell(notes);
        Ok(Got { payload: Some(payload), aside: aside.bytes(), seen })
    }
}
fn missing_row(plans: &Plans, shape: &Shape, key: &[Bytes]) -> Error {
    let resource = &plans.resources[shape.resource];
    Error::Missing { kind: resource.kind.clone(), names: vec![resource.name_of_key(key)] }
}
