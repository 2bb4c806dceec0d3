//! List: a page of rows in a total order, the token that goes on behind it, and how many there are in all.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::keep::{Answer, Aside, Got, Look, Shows, Terms};
use super::listings::Bound;
use super::page::{self, limits_with_token};
use super::relations::{Short, Snapshots, Tree};
use super::{Pipeline, decode, keep, now, pages};
use crate::cache::Tag;
use crate::call::{Call, Notes, Stage, Total, TotalWanted};
use crate::error::Error;
use crate::plan::bind::{self, Context, Listing};
use crate::plan::query::Select;
use crate::plan::token::{self, Position};
use crate::plan::{Method, Plans, Reach};
use crate::postgres::{Ending, Limit, Mode, Row, Rows, Seen, Server, Sight, StatementTimeout, Want};
use crate::sql::{self, Statement};
use crate::wire::{self, Page, Payload, Pushed};

/// Rows of one snapshot with their relations, perhaps fewer than were asked for.
pub(super) struct Read<'a> {
    pub tree: Tree<'a>,
    /// Further rows exist, as far as was looked.
    pub more: bool,
    pub total: Option<Total>,
    /// None where nobody asked for it, and when it is not known.
    pub seen: Option<Arc<Seen>>,
}

impl Shows for Read<'_> {
    fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref()
    }
}

/// How it is known whether there are further rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// One row more than wanted is asked for.
    OneMore,
    /// A full answer may have something behind it.
    Full,
}

impl Probe {
    /// How many rows a statement asks for when so many are wanted.
    pub fn limit(self, rows: u32) -> u32 {
        match self {
            Probe::OneMore => rows.saturating_add(1),
            Probe::Full => rows,
        }
    }
}

/// What a read may bring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub rows: u32,
    /// As Postgres sends them.
    pub bytes_max: usize,
    pub probe: Probe,
}

/// A question to a listing: where to go on, and whether to count.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub listing: &'a Listing,
    pub select: Select,
    pub total: bind::Total,
}

enum Attempt<'a> {
    Whole(Read<'a>),
    /// The snapshot is gone; these bounds will do.
    Again(Bounds),
}

/// A row's bytes as Postgres sends them may be so many times those of its message: an element of
/// an int8[] takes twelve, and one as a small varint.
pub(super) const RAW_RATIO_MAX: usize = 12;

impl<'a> Ask<'a> {
    pub fn first(listing: &'a Listing) -> Self {
        Ask { listing, select: listing.select.clone(), total: listing.total }
    }

    /// What comes behind a row of this answer.
    pub fn behind(&self, row: Row<'_>, total: Option<Total>) -> Self {
        self.after(position(self.listing, row), total)
    }

    /// What comes behind a position.
    pub fn after(&self, position: Vec<Option<Bytes>>, total: Option<Total>) -> Self {
        let after = Some(position);
        let select = Select { after, skip: 0, ..self.select.clone() };
        let total = total.map_or(bind::Total::Unwanted, bind::Total::Known);
        Ask { listing: self.listing, select, total }
    }
}

/// A page to be read.
struct Listed<'a> {
    pipeline: &'a Pipeline,
    plans: &'a Arc<Plans>,
    method: &'a Method,
    listing: &'a Listing,
    terms: &'a Terms,
    /// The field of the response that has the rows.
    rows: u32,
    call: &'a Call,
}

impl keep::Read for Listed<'_> {
    type Answer = Got;

    async fn read(&self, server: &Server, sight: Sight, notes: &mut Notes) -> Result<Got, Error> {
        let Listed { pipeline, plans, method, listing, rows, call, .. } = *self;
        let settings = &pipeline.settings;
        let bounds =
            Bounds { rows: listing.page, bytes_max: settings.message_bytes_max, probe: Probe::OneMore };
        let read = pipeline.read(plans, &Ask::first(listing), bounds, (server, sight), call, notes).await?;
        let started = Instant::now();
        let level = read.tree.level();
        let bytes = read.tree.rows().bytes();
        let mut page = Page::new(rows, limits_with_token(settings)).expecting(bytes);
        let mut taken = 0;
        while taken < read.tree.taken() {
            match page.push(&listing.projection, &level, taken)? {
                Pushed::Taken => taken += 1,
                Pushed::Full => break,
            }
        }
        if taken > 0 && (read.more || taken < read.tree.taken()) {
            let token = pipeline.token(listing, level.rows[taken - 1], read.total);
            page::token(&mut page, method, "next_page_token", &token, settings)?;
        }
        if let Some(total) = read.total {
            page::count(&mut page, method, "total_size", total.rows());
        }
        let payload = page.finish();
        notes.took(Stage::Encode, started);
        let aside = Aside::new(read.total, &read.tree.truncated).bytes();
        Ok(Got { payload: Some(payload), aside, seen: read.seen })
    }

    fn tags(&self) -> Vec<Tag> {
        let own = pages::tags(self.plans, &self.listing.select);
        own.into_iter().chain(self.terms.beside.iter().copied()).collect()
    }
}

impl Pipeline {
    #[expect(clippy::too_many_arguments, reason = "the call, its plan and where the rows go")]
    pub(super) async fn list(
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
        let bound = self.bound_list(plans, method, resource, call, request)?;
        let Bound { listing, terms, .. } = &*bound;
        notes.took(Stage::Bind, started);
        let key = || {
            let ask = (listing, &listing.select, listing.total);
            bound.key(|| pages::key(plans, method, ask, &self.sealed))
        };
        let answered = match self.keeper.look(terms, key, call, notes)? {
            Look::Hit(answered) => answered,
            Look::Read(course) => {
                let listed = Listed { pipeline: self, plans, method, listing, terms, rows, call };
                self.keeper.read(&course, terms, &listed, &self.servers, notes).await?
            }
        };
        Aside::of(&answered.entry.aside).unwrap_or_default().tell(notes);
        // A list always has its message, an empty one too.
        let payload = answered.entry.payload.clone().unwrap_or_else(|| Payload::of(&[]));
        Ok(Answer { payload, kept: self.keeper.kept(&answered) })
    }

    /// Kept while these plans are the ones in force.
    fn bound_list(
        &self,
        plans: &Arc<Plans>,
        method: &Method,
        resource: usize,
        call: &Call,
        request: Bytes,
    ) -> Result<Arc<Bound>, Error> {
        let bind = |request| {
            let listing = self.bind_list(plans, method, resource, call, request)?;
            let terms = self.terms(plans, &listing);
            Ok(Bound::new(listing, terms))
        };
        let shapes = self.shapes.load();
        match Arc::ptr_eq(shapes.plans(), plans) {
            true => shapes.listings().bound(method, call, request, bind),
            false => bind(request).map(Arc::new),
        }
    }

    /// How answers to a listing may be kept.
    pub(super) fn terms(&self, plans: &Plans, listing: &Listing) -> Terms {
        let reach = Reach::of(plans, &listing.select, &listing.projection);
        Terms::of(plans, &reach, self.keeper.defaults())
    }

    pub(super) fn bind_list(
        &self,
        plans: &Plans,
        method: &Method,
        resource: usize,
        call: &Call,
        request: Bytes,
    ) -> Result<Listing, Error> {
        let context = Context {
            plans,
            method,
            resource,
            hints: &call.hints,
            scope: &call.scope,
            limits: &self.settings.limits,
            keys: &self.keys,
            now: now(),
        };
        Ok(bind::list(&context, decode(plans, method, request)?)?)
    }

    /// The token that goes on behind a row.
    pub(super) fn token(&self, listing: &Listing, row: Row<'_>, total: Option<Total>) -> String {
        let position = Position { values: position(listing, row), total };
        token::seal(&self.keys, &listing.bound.binding(), &position, now())
    }

    /// One snapshot; when it holds more bytes than fit, read again with as many rows as did.
    pub(super) async fn read<'a>(
        &self,
        plans: &Plans,
        ask: &Ask<'a>,
        mut bounds: Bounds,
        (server, sight): (&Server, Sight),
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Read<'a>, Error> {
        let mut snapshots = Snapshots::new(&ask.listing.projection);
        loop {
            match self.attempt(plans, ask, bounds, (server, sight), call, notes).await {
                Ok(Attempt::Whole(read)) => return Ok(read),
                Ok(Attempt::Again(smaller)) => bounds = smaller,
                Err(error) => snapshots.another(error)?,
            }
        }
    }

    async fn attempt<'a>(
        &self,
        plans: &Plans,
        ask: &Ask<'a>,
        bounds: Bounds,
        (server, sight): (&Server, Sight),
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Attempt<'a>, Error> {
        let mut select = ask.select.clone();
        select.limit = Some(bounds.probe.limit(bounds.rows));
        // The page comes last, so that it is the page that is cut and never a count.
        let mut statements = self.counting(plans, ask);
        statements.push(sql::render(plans, &select));
        let (mode, ending) = match (ask.listing.projection.depth(), statements.len()) {
            (0, 1) => (Mode::Single, Ending::Last),
            (0, _) => (Mode::Snapshot, Ending::Last),
            _ => (Mode::Snapshot, Ending::More),
        };
        let statement_timeout = match ask.total {
            bind::Total::Wanted(TotalWanted::Exact) => StatementTimeout::PerCall,
            _ => StatementTimeout::Net,
        };
        let want = |deadline| Want { deadline, mode, statement_timeout, sight };
        let session = self.session(server, call, want, notes).await?;
        let mut session = match mode {
            Mode::Single => session,
            Mode::Snapshot => session.guarded(sql::guard(plans, &select, &ask.listing.projection)),
        };

        let started = Instant::now();
        let limit = Limit { bytes_max: bounds.bytes_max };
        let mut answered = session.run(&statements, ending, limit).await?;
        let rows = answered.pop().unwrap_or_default();
        // What it was read with is told behind the rows, so of rows that were cut it is not known.
        if rows.cut && (rows.is_empty() || mode == Mode::Snapshot || sight == Sight::Told) {
            notes.took(Stage::Execute, started);
            return self.again(rows.len(), rows.oversized, bounds, || "the next row".to_owned());
        }
        let seen = session.take_seen().map(Arc::new);
        let total = self.total(ask, answered.first(), answered.get(1));
        let wanted = bounds.rows as usize;
        let more = rows.cut
            || match bounds.probe {
                Probe::OneMore => rows.len() > wanted,
                Probe::Full => rows.len() == wanted,
            };
        let mut tree = Tree::new(&ask.listing.projection, rows, wanted);
        let loaded = tree.load(plans, &mut session, select.deleted, limit).await;
        notes.took(Stage::Execute, started);
        match loaded {
            Ok(()) => Ok(Attempt::Whole(Read { tree, more, total, seen })),
            Err(Short::Failed(error)) => Err(error.into()),
            Err(Short::TooMuch) => self.again(tree.taken() / 2, None, bounds, || {
                let key = &ask.listing.projection.key;
                let value = |at: usize| tree.rows().row(0)?.get(at).map(Bytes::copy_from_slice);
                let key: Vec<Bytes> = key.iter().map(|(at, _)| value(*at).unwrap_or_default()).collect();
                plans.resources[select.resource].name_of_key(&key)
            }),
        }
    }

    /// Bounds that will do after those that did not; `row` names the one that nothing will do for.
    fn again<'a>(
        &self,
        rows: usize,
        oversized: Option<u64>,
        bounds: Bounds,
        row: impl FnOnce() -> String,
    ) -> Result<Attempt<'a>, Error> {
        if let Some(rows) = u32::try_from(rows).ok().filter(|&rows| rows > 0) {
            return Ok(Attempt::Again(Bounds { rows, probe: Probe::Full, ..bounds }));
        }
        let message = self.settings.message_bytes_max;
        let bytes = oversized.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        match bytes {
            Some(bytes) if bytes <= message.saturating_mul(RAW_RATIO_MAX) && bytes > bounds.bytes_max => {
                Ok(Attempt::Again(Bounds { rows: 1, bytes_max: bytes, probe: Probe::Full }))
            }
            _ => {
                let bytes = bytes.unwrap_or(bounds.bytes_max);
                Err(Error::Wire(wire::Error::RowTooLarge { row: row(), bytes, bytes_max: message }))
            }
        }
    }

    /// The count, and for more rows than are counted the planner's estimate in the same round trip.
    fn counting(&self, plans: &Plans, ask: &Ask) -> Vec<Statement> {
        let select = &ask.listing.select;
        match ask.total {
            bind::Total::Wanted(TotalWanted::Exact) => vec![sql::count(plans, select, None)],
            bind::Total::Wanted(TotalWanted::Estimated) => {
                let most = Some(self.settings.total_exact_max);
                vec![sql::count(plans, select, most), sql::estimate(plans, select)]
            }
            bind::Total::Unwanted | bind::Total::Known(_) => Vec::new(),
        }
    }

    fn total(&self, ask: &Ask<'_>, counted: Option<&Rows>, estimated: Option<&Rows>) -> Option<Total> {
        let wanted = match ask.total {
            bind::Total::Unwanted => return None,
            bind::Total::Known(total) => return Some(total),
            bind::Total::Wanted(wanted) => wanted,
        };
        let count = counted.and_then(|rows| rows.row(0)?.get(0)?.try_into().ok());
        let count = count.map_or(0, i64::from_be_bytes).unsigned_abs();
        if wanted == TotalWanted::Exact || count <= self.settings.total_exact_max {
            return Some(Total::Exact(count));
        }
        let text = estimated.and_then(|rows| rows.row(0)?.get(0));
        let planned = text.and_then(planned_rows).unwrap_or(0);
        // More rows were counted than that, whatever the planner believes.
        Some(Total::Estimated(planned.max(count)))
    }
}

/// `[{"Plan": {"Plan Rows": 3503, …}}]`.
fn planned_rows(json: &[u8]) -> Option<u64> {
    let plan: serde_json::Value = serde_json::from_slice(json).ok()?;
    let rows = plan.get(0)?.get("Plan")?.get("Plan Rows")?.as_f64()?;
    Some(rows as u64)
}

/// The values of the order's columns.
pub(super) fn position(listing: &Listing, row: Row<'_>) -> Vec<Option<Bytes>> {
    listing.position.iter().map(|&at| row.get(at).map(Bytes::copy_from_slice)).collect()
}
