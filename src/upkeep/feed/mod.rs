//! The primary, asked again and again what became visible → the ledger, and how each table is followed.
//!
//! ```text
//! look ──no schema, or no right to it──► nothing is followed ──after a while──► look
//!  ▲  │
//!  │  └─there─► ask ──no nonce──► begin an epoch ──► ask
//!  │             │ ──another epoch────────► begin or reset ─┐
//!  │             │ ──forgotten meanwhile, too much──► gap ──┤
//!  │             │ ──────────────────────────────► heard ───┴─► wait: interval, nudge ──► ask
//!  └──failed─────┘ ──it went back──► end the epoch ──► ask
//! ```
//!
//! It has a connection of its own, which no call waits for and which waits for no call: a pool that is exhausted does not make the
//! feed old. That connection may write, and only where the schema's functions do. What moved and how tables are followed
//! is published before the ledger hears of the poll, so that nobody takes an old word for proved by a new poll. The feed has an
//! answer only from a server that is not in recovery.

mod ask;
mod watched;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use crate::cache::{self, Asked, Poll, Snapshot};
use crate::catalog::Oid;
use crate::feed::poll::{Answer, Facts, System};
use crate::feed::{Feed, Following, Mode, Why, plans_name, schema};
use crate::plan::Plans;
use crate::postgres::{self, Postgres};
use ask::Look;
use watched::Watched;

/// Waits and limits of the feed; the configuration fills it.
#[derive(Debug, Clone)]
pub struct Settings {
    pub interval: Duration,
    /// A poll is given up after so long.
    pub poll_max: Duration,
    /// How often it is looked whether there is a feed by now.
    pub look_interval: Duration,
    /// Changes one poll takes in; more are a gap.
    pub changes_max: usize,
    pub bytes_max: usize,
    /// For how long changes are kept for an instance that was cut off.
    pub keep: Duration,
    pub clean_interval: Duration,
    pub clean_rows_max: u32,
}

/// Between nudged polls: calls that wait for one come in crowds.
const NUDGE_PAUSE: Duration = Duration::from_millis(2);

/// What follows the database's changes.
pub struct Follow {
    pub feed: Feed,
    /// One connection, which may write.
    pub postgres: Postgres,
    pub settings: Settings,
    /// The plans in force.
    pub plans: Box<dyn Fn() -> Arc<Plans> + Send + Sync>,
    /// Told that DDL was met.
    pub met_ddl: Box<dyn Fn() + Send + Sync>,
}

/// How tables are followed at this moment, for who serves nothing. None where nothing is installed, or cannot be asked.
pub async fn glance(postgres: &Postgres, plans: &Arc<Plans>, settings: Settings) -> Option<Following> {
    let feed = Feed::new(cache::Limits::default(), Instant::now());
    let (postgres, of) = (postgres.clone(), plans.clone());
    let (plans, met_ddl) = (Box::new(move || of.clone()), Box::new(|| {}));
    let follow = Follow { feed, postgres, settings, plans, met_ddl };
    let state = State::new(&follow);
    let Ok(Look::There(system)) = follow.look().await else { return None };
    let asked = follow.feed.ledger().ask(Instant::now());
    let answer = follow.ask(system, &asked, &state).await.ok()?;
    let facts = answer.facts?.into_iter().map(|facts| (facts.root, facts)).collect();
    let watched = &state.watched;
    let modes = watched.tables.iter().map(|&table| (table, watched.mode(table, &facts)));
    Some(Following::new(plans_name(&state.plans), modes))
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    #[error(transparent)]
    Malformed(#[from] crate::feed::poll::Malformed),
    #[error("the server is in recovery, and only a primary knows what is in progress")]
    Recovery,
    #[error(transparent)]
    Ledger(#[from] cache::Error),
}

/// What is known between two polls.
struct State {
    plans: Arc<Plans>,
    watched: Watched,
    /// None: to be looked for.
    system: Option<System>,
    digest: String,
    facts: HashMap<Oid, Facts>,
    /// When it was seen that they are not what they were, as long as the plans may be from before.
    altered: HashMap<Oid, Instant>,
    following: Following,
    /// No transaction had ended before the last poll, so that a short question may be enough.
    resting: bool,
    clean_at: Instant,
    /// Failed so often in a row.
    failed: u32,
}

impl State {
    fn new(follow: &Follow) -> Self {
        let plans = (follow.plans)();
        State {
            watched: Watched::of(&plans),
            plans,
            system: None,
            digest: String::new(),
            facts: HashMap::new(),
            altered: HashMap::new(),
            following: Following::default(),
            resting: false,
            // Instances that started together do not clean together.
            clean_at: Instant::now() + follow.settings.clean_interval.mul_f64(rand::random()),
            failed: 0,
        }
    }
}

/// What to do next.
enum Next {
    Wait,
    AtOnce,
    /// There is no feed.
    Look,
}

impl Follow {
    /// Never returns.
    pub async fn run(self) {
        let mut state = State::new(&self);
        loop {
            let begun = Instant::now();
            self.take_plans(&mut state);
            if state.watched.tables.is_empty() {
                sleep(self.settings.look_interval).await;
                continue;
            }
            let next = match self.turn(&mut state).await {
                Ok(next) => {
                    if state.failed > 0 {
                        tracing::info!("changes are heard of again");
                    }
                    state.failed = 0;
                    next
                }
                Err(error) => {
                    self.fail(&mut state, error);
                    Next::Wait
                }
            };
            match next {
                Next::AtOnce => {}
                Next::Look => sleep(self.settings.look_interval).await,
                Next::Wait => self.wait(begun, state.failed).await,
            }
        }
    }

    async fn wait(&self, begun: Instant, failed: u32) {
        let Settings { interval, look_interval, .. } = self.settings;
        if failed > 0 {
            let pause = interval.saturating_mul(1 << failed.min(8)).min(look_interval.max(interval));
            return sleep_until((begun + pause).into()).await;
        }
        tokio::select! {
            () = sleep_until((begun + interval).into()) => {}
            () = self.feed.nudged() => sleep_until((begun + NUDGE_PAUSE).into()).await,
        }
    }

    /// New plans may want other tables followed, or other things told of them.
    fn take_plans(&self, state: &mut State) {
        let plans = (self.plans)();
        if !Arc::ptr_eq(&plans, &state.plans) {
            state.watched = Watched::of(&plans);
            state.plans = plans;
            state.digest.clear();
        }
    }

    fn fail(&self, state: &mut State, error: Error) {
        self.feed.failed();
        state.failed += 1;
        // Another server may answer next time, or the schema may be gone.
        state.system = None;
        state.digest.clear();
        let error = anyhow::Error::from(error);
        match state.failed {
            1 => tracing::warn!("changes are not heard of, and nothing is served from the cache: {error:#}"),
            _ => tracing::debug!("changes are still not heard of: {error:#}"),
        }
    }

    async fn turn(&self, state: &mut State) -> Result<Next, Error> {
        let system = match state.system {
            Some(system) => system,
            None => match self.look().await? {
                Look::There(system) => *state.system.insert(system),
                Look::Not(why) => {
                    self.follow(state, |_| Mode::Untracked(why));
                    state.digest.clear();
                    return Ok(Next::Look);
                }
            },
        };
        let poll = self.feed.asking();
        let asked = self.feed.ledger().ask(Instant::now());
        let asked_at = Instant::now();
        let answer = self.ask(system, &asked, state).await?;
        if answer.recovery {
            return Err(Error::Recovery);
        }
        if answer.version != schema::VERSION {
            self.follow(state, |_| Mode::Untracked(Why::OtherVersion));
            (state.system, state.digest) = (None, String::new());
            return Ok(Next::Look);
        }
        if answer.nonce.is_none() {
            self.begin_epoch(None).await?;
            return Ok(Next::AtOnce);
        }
        let changes = answer.changes.len();
        state.resting = answer.snapshot == *asked.since();
        self.learn(state, &answer);
        if !self.hear(asked, answer).await? {
            return Ok(Next::AtOnce);
        }
        self.feed.heard(poll, asked_at, changes);
        if Instant::now() >= state.clean_at {
            self.clean(state).await;
        }
        Ok(Next::Wait)
    }

    /// What the catalog says: before the ledger hears of the same answer.
    fn learn(&self, state: &mut State, answer: &Answer) {
        let Some(facts) = &answer.facts else { return };
        let mut met_ddl = false;
        let mut known = HashMap::with_capacity(facts.len());
        for facts in facts {
            let before = state.facts.get(&facts.root);
            if before.is_none_or(|before| before.print != facts.print) {
                let print = facts.proves.then(|| facts.tag());
                self.feed.ledger().moved(facts.root, &answer.snapshot, print);
                // Also what was done before it was first seen, when the plans may be from before.
                if before.is_some() || facts.newer {
                    met_ddl = true;
                    state.altered.insert(facts.root, Instant::now());
                }
            }
            known.insert(facts.root, facts.clone());
        }
        state.facts = known;
        if let Some(digest) = &answer.digest {
            state.digest.clone_from(digest);
        }
        // Of what was altered, plans from before may not know what answers depend on now.
        let read_at = state.plans.read_at;
        state.altered.retain(|_, altered| read_at.is_some_and(|read| read <= *altered));
        let (watched, altered, facts) = (state.watched.clone(), state.altered.clone(), state.facts.clone());
        self.follow(state, |table| match watched.mode(table, &facts) {
            Mode::Tracked if altered.contains_key(&table) => Mode::Untracked(Why::Reloading),
            mode => mode,
        });
        if met_ddl {
            (self.met_ddl)();
        }
    }

    fn follow(&self, state: &mut State, mode: impl Fn(Oid) -> Mode) {
        let modes = state.watched.tables.iter().map(|&table| (table, mode(table)));
        let prints = state.facts.values().map(Facts::tag);
        let following = Following::new(plans_name(&state.plans), modes).with_prints(prints);
        if following == state.following {
            return;
        }
        state.watched.tell(&state.following, &following, &state.plans);
        state.following = following.clone();
        self.feed.follow(following);
    }

    /// False: to be asked again at once.
    async fn hear(&self, asked: Asked, answer: Answer) -> Result<bool, Error> {
        let ledger = self.feed.ledger();
        let Some(epoch) = answer.epoch() else { return Ok(false) };
        if ledger.epoch() != Some(epoch) {
            tracing::info!(epoch = format!("{:016x}", epoch.0), "a life of the database begins");
            let system = answer.system;
            let floor = Snapshot::below(answer.floor);
            // What others have read since the floor can be judged by what the answer tells. A floor that came with the rows of
            // another database may lie beyond the present.
            if !answer.cut && asked.since().xmax() <= answer.floor && floor.within(&answer.snapshot) {
                ledger.begin(
                    epoch,
                    floor,
                    Poll { asked, snapshot: answer.snapshot, changes: answer.changes },
                )?;
            } else {
                ledger.reset(&asked, epoch, answer.snapshot)?;
            }
            self.feed.began(system);
            return Ok(true);
        }
        if answer.cut || asked.since().xmin() < answer.floor {
            tracing::warn!(
                too_many = answer.cut,
                "changes were not told in time, so what was kept before is served no more"
            );
            ledger.gap(&asked, answer.snapshot)?;
            self.feed.missed();
            return Ok(true);
        }
        match ledger.heard(Poll { asked, snapshot: answer.snapshot, changes: answer.changes }) {
            Ok(()) => Ok(true),
            // A write of ours told of another life meanwhile.
            Err(cache::Error::Outdated | cache::Error::Unset) => Ok(false),
            Err(error @ cache::Error::WentBack { .. }) => {
                tracing::error!("{error}");
                self.begin_epoch(answer.nonce).await?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
