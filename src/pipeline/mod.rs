//! A call and its request → an answer: bound, run, with relations loaded, encoded.
//!
//! Names neither a transport nor a driver. The plans are loaded once per call, so that a reload
//! changes nothing under a call that is under way.

mod ahead;
mod batch_get;
mod chunks;
mod explain;
mod function;
mod get;
mod join;
mod keep;
mod kept_chunks;
mod lanes;
mod list;
mod listings;
mod lookup;
mod pace;
mod page;
mod pages;
mod relations;
mod shapes;
mod stream;
mod verify;

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::cache::Fill;
use crate::call::{Call, Notes, Served, Stage};
use crate::contract::options::Reason;
use crate::error::Error;
use crate::feed::Feed;
use crate::own_task;
use crate::plan::bind::{Limits, Request};
use crate::plan::method::Kind;
use crate::plan::token::Keys;
use crate::plan::{Method, Plans, Refusal, Violation};
use crate::postgres::{self, Postgres, Server, Servers, Session};
use crate::redis::{self, Redis};
use ahead::Streams;
pub use chunks::Chunks;
pub use explain::Planned;
use join::Joiner;
pub use join::Settings as Join;
use keep::Keeper;
pub use keep::{Answer, Compared, Sample, Settings as Keep, Verified};
use shapes::Shapes;
pub use stream::Settings as Stream;

/// How large answers may be.
#[derive(Debug, Clone)]
pub struct Settings {
    pub limits: Limits,
    /// Bytes of a page; it ends early rather than pass this.
    pub page_bytes_max: usize,
    /// Bytes of a message.
    pub message_bytes_max: usize,
    /// Rows counted for a total before it is estimated.
    pub total_exact_max: u64,
    /// Bytes of a function's rows together.
    pub function_bytes_max: usize,
    pub keep: keep::Settings,
    pub join: join::Settings,
    pub stream: stream::Settings,
}

/// What serves calls.
pub struct Pipeline {
    /// With them the plans in force.
    shapes: ArcSwap<Shapes>,
    keeper: Keeper,
    joiner: Joiner,
    streams: Streams,
    servers: Servers,
    keys: Keys,
    /// Names what tokens are sealed with.
    sealed: [u8; 16],
    settings: Settings,
    /// Told when a call meets DDL.
    stale: Notify,
}

impl Pipeline {
    pub fn new(
        plans: Plans,
        servers: Servers,
        (feed, redis): (Feed, Option<Redis>),
        keys: Keys,
        settings: Settings,
    ) -> Self {
        let keeper = Keeper::new(feed, redis, settings.keep.clone());
        Pipeline {
            shapes: ArcSwap::from_pointee(Shapes::new(Arc::new(plans), keeper.defaults())),
            keeper,
            joiner: Joiner::new(settings.message_bytes_max, settings.join.clone()),
            streams: Streams::new(&settings.stream),
            servers,
            sealed: keys.name(),
            keys,
            settings,
            stale: Notify::new(),
        }
    }

    pub fn plans(&self) -> Arc<Plans> {
        self.shapes.load().plans().clone()
    }

    pub fn replace(&self, plans: Plans) {
        self.shapes.store(Arc::new(Shapes::new(Arc::new(plans), self.keeper.defaults())));
    }

    /// The primary.
    pub fn postgres(&self) -> &Postgres {
        self.servers.primary()
    }

    /// Streams under way.
    pub fn streams_active(&self) -> usize {
        self.streams.active()
    }

    /// What is kept in this process.
    pub fn fill(&self) -> Fill {
        self.keeper.fill()
    }

    /// None without a Redis.
    pub fn redis_status(&self) -> Option<redis::Status> {
        self.keeper.redis_status()
    }

    fn primary(&self) -> Server {
        Server::Primary(self.servers.primary().clone())
    }

    /// Returns once a call has met tables that are not the plan's.
    pub async fn stale(&self) {
        self.stale.notified().await;
    }

    /// Has the catalog read again, as a call does that meets DDL.
    pub fn met_ddl(&self) {
        self.stale.notify_one();
    }

    /// Answers a call with one message.
    pub async fn unary(
        &self,
        plans: &Arc<Plans>,
        method: &Arc<Method>,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Answer, Error> {
        let again = self.keeper.verifier().picks().then(|| request.clone());
        let answered = self.answer(plans, method, call, request, notes).await;
        if let (Some(request), Some(Served::Hit { .. })) = (again, notes.served) {
            self.sample(plans, method, call, request, &answered);
        }
        answered.inspect_err(|error| self.notice(error))
    }

    /// Of hits that are kept one by one, a few are read again.
    fn sample(
        &self,
        plans: &Arc<Plans>,
        method: &Arc<Method>,
        call: &Call,
        request: Bytes,
        answered: &Result<Answer, Error>,
    ) {
        let Ok(Answer { kept: Some(kept), .. }) = answered else { return };
        let (plans, method, call) = (plans.clone(), method.clone(), call.clone());
        let entry = kept.entry().clone();
        self.keeper.verifier().offer(Sample { plans, method, call, request, entry });
    }

    async fn answer(
        &self,
        plans: &Arc<Plans>,
        method: &Arc<Method>,
        call: &Call,
        request: Bytes,
        notes: &mut Notes,
    ) -> Result<Answer, Error> {
        match &method.kind {
            Kind::Get { resource } => self.get(plans, method, *resource, call, request, notes).await,
            // A call's future is moved several times on its way to a task; these would make every
            // call's as large as the largest.
            Kind::BatchGet { resource, rows } => {
                Box::pin(self.batch_get(plans, method, *resource, rows.number(), call, request, notes)).await
            }
            Kind::List { resource, rows } => {
                Box::pin(self.list(plans, method, *resource, rows.number(), call, request, notes)).await
            }
            Kind::Function(function) => {
                let answered = Box::pin(self.function(plans, method, function, call, request, notes)).await;
                answered.map(Answer::from)
            }
            Kind::Unfit(problems) => Err(unfit(method, problems)),
            Kind::Unseen => Err(unseen()),
            Kind::Stream { .. } => Err(one_message(method)),
        }
    }

    /// Answers a call with a stream; dropping it ends the work.
    pub fn stream(
        self: &Arc<Self>,
        plans: Arc<Plans>,
        method: Arc<Method>,
        call: Call,
        request: Bytes,
    ) -> Chunks {
        Chunks::start(self.clone(), plans, method, call, request)
    }

    fn notice(&self, error: &Error) {
        if let Error::Postgres(postgres::Error::CatalogChanged(_)) = error {
            self.stale.notify_one();
        }
    }

    async fn session(
        &self,
        server: &Server,
        call: &Call,
        want: impl FnOnce(Instant) -> postgres::Want,
        notes: &mut Notes,
    ) -> Result<Session, Error> {
        // Its rows are read and its answer is written by the call itself.
        own_task::ask();
        notes.enter(Stage::Acquire);
        let started = Instant::now();
        let session = server.session(want(call.deadline.at(started))).await;
        notes.took(Stage::Acquire, started);
        let session = session?.noted(notes.journal.shared());
        notes.enter(Stage::Execute);
        Ok(session)
    }
}

fn decode(plans: &Plans, method: &Method, request: Bytes) -> Result<Request, Error> {
    Ok(Request::decode(plans, &method.input, request)?)
}

fn unfit(method: &Method, problems: &[crate::contract::Problem]) -> Error {
    Error::Unfit { subject: method.path.clone(), problems: problems.into() }
}

fn unseen() -> Error {
    Error::Postgres(postgres::Error::Unreachable("its catalog has not been read yet".to_owned()))
}

/// A stream where one message was meant, which the descriptor rules out.
fn one_message(method: &Method) -> Error {
    let text = format!("{} answers with a stream: call it as one", method.path);
    Error::Refused(Refusal::from(Violation::new(Reason::FieldInvalid, "", text)))
}

/// Seconds since 1970, for the age of tokens.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
