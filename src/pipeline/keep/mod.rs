//! A question → a kept answer that may be served, or the way to read a new one.
//!
//! ```text
//! question ──► terms ──► way ──proved──► store ──good──► hit
//!                         │               │ else
//!                         │               ▼
//!                         │            flight ──leads──► Redis ──good──► hit
//!                         │               │                 │ else
//!                         │               │ follows         ▼
//!                         │               ▼               read ──► keep, for who follows too
//!                         │            good? shared : read
//!                         └──bypass──► read
//! ```
//!
//! The rule is asked when an answer is served, never when it is stored: see `cache`. What a call reads itself, after it came,
//! at the primary, needs no proof but for its token's.

mod aside;
mod attempts;
mod parts;
mod read;
mod terms;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub(super) use aside::{Aside, Value};
pub(super) use parts::LookForAll;
pub(super) use read::{Got, Read, Shows};
pub(super) use terms::{Defaults, Terms};
use verify::Verifier;
pub use verify::{Compared, Sample, Verified};

use crate::cache::{
    self, Entry, Epoch, Fill, Flights, Kept, Key, Label, Proof, Seen, Store, Tag, Token, Verdict, Want,
};
use crate::call::{Bypass, Call, Freshness, Level, Notes, Served, Stage};
use crate::contract::options::Reason;
use crate::error::Error;
use crate::feed::{Feed, Mode, Why};
use crate::plan::Violation;
use crate::postgres;
use crate::redis::{self, Redis};
use crate::wire::Payload;

/// How answers are kept, and how fresh they are.
#[derive(Debug, Clone)]
pub struct Settings {
    pub store: cache::Settings,
    /// Where a resource's contract does not say.
    pub ttl: Duration,
    pub idle: Duration,
    /// A kept answer is served only when all changes up to so long ago have been heard of.
    pub lag_max: Duration,
    /// One hit in so many is read again and compared; 0 is none.
    pub verify_one_in: u32,
}

/// An answer, and where it is kept.
#[derive(Debug, Clone)]
pub struct Answer {
    pub payload: Payload,
    pub kept: Option<Kept>,
}

impl From<Payload> for Answer {
    fn from(payload: Payload) -> Self {
        Answer { payload, kept: None }
    }
}

/// What keeps answers.
pub(super) struct Keeper {
    feed: Feed,
    store: Option<Arc<Store>>,
    redis: Option<Redis>,
    flights: Flights<Result<Arc<Entry>, Error>>,
    verifier: Verifier,
    settings: Settings,
}

/// Whether an answer may be kept, and by which right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By the rule.
    Proved(Ground),
    /// For so long, by the contract.
    Timed(Duration),
    /// Not, and why.
    Bypass(Bypass),
}

/// What was known before anything is read: a label must not say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ground {
    pub epoch: Epoch,
    /// `Following::number`, by which tables' prints are known.
    following: u64,
}

/// What a call wants, beyond the rule.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub token: Option<Token>,
    pub no_cache: bool,
    /// How old the proof may be.
    pub lag_max: Duration,
    pub age_max: Option<Duration>,
}

/// What looking for a kept answer comes to.
pub(super) enum Look {
    Hit(Answered),
    /// There is none to serve.
    Read(Course),
}

/// How an answer is to be read, and whether it is kept.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub way: Way,
    pub wish: Wish,
    /// By which others that ask for the same are known. None where nothing is kept.
    pub key: Option<Key>,
    pub keep: Keep,
    pub deadline: Instant,
}

/// What becomes of an answer after its callers have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Whole,
    /// In parts, or not at all.
    No,
}

/// An answer that may be served, and where it is kept.
pub(super) struct Answered {
    pub entry: Arc<Entry>,
    pub key: Option<Key>,
}

impl Keeper {
    /// Without a store of its own a process has no use for what others keep.
    pub fn new(feed: Feed, redis: Option<Redis>, settings: Settings) -> Self {
        let store = Store::new(&settings.store);
        let verifier = Verifier::new(settings.verify_one_in);
        Keeper { feed, store, redis, flights: Flights::default(), verifier, settings }
    }

    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    pub fn fill(&self) -> Fill {
        self.store.as_ref().map(|store| store.fill()).unwrap_or_default()
    }

    pub fn redis_status(&self) -> Option<redis::Status> {
        self.redis.as_ref().map(Redis::status)
    }

    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Whether the rule would serve it now, whatever the feed's age.
    pub fn still_good(&self, entry: &Entry) -> bool {
        let want = Want { max_lag: Duration::MAX, token: None };
        let judged = entry.label().map(|label| self.feed.ledger().judge(label, want, Instant::now()));
        judged == Some(Verdict::Good)
    }

    pub fn defaults(&self) -> Defaults {
        Defaults { ttl: self.settings.ttl, idle: self.settings.idle }
    }

    /// The kept answer, when there is one that may be served to this call; what it comes to stands in the notes. `key` is
    /// made only where answers are kept.
    pub fn look(
        &self,
        terms: &Terms,
        key: impl FnOnce() -> Key,
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Look, Error> {
        let begun = Instant::now();
        let course = self.course(terms, key, call, notes)?;
        let Course { way, wish, .. } = &course;
        let found = course.kept(notes).zip(self.store.as_ref());
        let found = found.and_then(|(key, store)| Some((key, store.get(&key)?)));
        let looked = match found.filter(|(_, entry)| self.good(entry, *way, wish, begun)) {
            Some((key, entry)) => {
                self.hit(&entry, Level::Process, notes);
                Look::Hit(Answered { entry, key: Some(key) })
            }
            None => Look::Read(course),
        };
        notes.took(Stage::Cache, begun);
        Ok(looked)
    }

    /// For an answer that is never kept; why stands in the notes.
    pub fn unkept(&self, why: Bypass, call: &Call, notes: &mut Notes) -> Result<Course, Error> {
        notes.served = Some(Served::Bypass(why));
        let wish = self.wish(&call.hints.freshness)?;
        let deadline = call.deadline.at(Instant::now());
        Ok(Course { way: Way::Bypass(why), wish, key: None, keep: Keep::No, deadline })
    }

    /// How the answer is to be read when none is kept; that it is, and why, stands in the notes.
    fn course(
        &self,
        terms: &Terms,
        key: impl FnOnce() -> Key,
        call: &Call,
        notes: &mut Notes,
    ) -> Result<Course, Error> {
        let (way, wish) = (self.way(terms), self.wish(&call.hints.freshness)?);
        let (served, key) = match (way, &self.store) {
            (Way::Bypass(why), _) => (Served::Bypass(why), None),
            (_, None) => (Served::Bypass(Bypass::Off), None),
            (_, Some(_)) if wish.no_cache => (Served::Bypass(Bypass::NoCache), Some(key())),
            (_, Some(_)) => (Served::Miss { standby: false }, Some(key())),
        };
        notes.served = Some(served);
        let deadline = call.deadline.at(Instant::now());
        Ok(Course { way, wish, key, keep: Keep::Whole, deadline })
    }

    fn way(&self, terms: &Terms) -> Way {
        // Before the epoch: in another life of the database tables may be others.
        let (why, following) = self.feed.look(|following| (terms.untracked(following), following.number()));
        match (why, terms.untracked) {
            // Whatever the contract says of tables that nobody follows: these rows may be another caller's.
            (Some(Why::RowSecurity), _) => Way::Bypass(Bypass::Untracked),
            (Some(_), Some(ttl)) => Way::Timed(ttl),
            (Some(_), None) => Way::Bypass(Bypass::Untracked),
            (None, _) if self.verifier.distrusts(&terms.tables) => Way::Bypass(Bypass::Mismatch),
            // Nothing can be proved: waiting for others would be in vain.
            (None, _) if self.feed.ledger().age(Instant::now()) > self.settings.lag_max => {
                Way::Bypass(Bypass::Feed)
            }
            (None, _) => match self.feed.ledger().epoch() {
                Some(epoch) => Way::Proved(Ground { epoch, following }),
                None => Way::Bypass(Bypass::Feed),
            },
        }
    }

    fn wish(&self, freshness: &Freshness) -> Result<Wish, Error> {
        let token = freshness.token.as_deref().map(|text| self.token(text)).transpose()?;
        let age_max = freshness.age_max;
        let lag_max = age_max.map_or(self.settings.lag_max, |age| age.min(self.settings.lag_max));
        Ok(Wish { token, no_cache: freshness.no_cache, lag_max, age_max })
    }

    fn token(&self, text: &str) -> Result<Token, Error> {
        let Some(epoch) = self.feed.ledger().epoch() else {
            // Whether it is of this database's life is not known before the feed has asked.
            let installed = |(_, mode)| mode != Mode::Untracked(Why::NotInstalled);
            return Err(match self.feed.following().iter().any(installed) {
                true => postgres::Error::Unreachable("the change feed has not begun yet".to_owned()).into(),
                false => refused("no change feed is installed here to keep it by: leave it out".to_owned()),
            });
        };
        Token::parse(text, epoch).map_err(|error| refused(error.to_string()))
    }

    /// The rule. `now` is no later than the call's answer.
    pub fn good(&self, entry: &Entry, way: Way, wish: &Wish, now: Instant) -> bool {
        if wish.no_cache {
            return false;
        }
        match (&entry.proof, way) {
            (Proof::Label(label), Way::Proved(_)) => {
                let want = Want { max_lag: wish.lag_max, token: wish.token.as_ref() };
                self.feed.ledger().judge(label, want, now) == Verdict::Good
            }
            (Proof::TimeToLive, Way::Timed(_)) => {
                let young = wish.age_max.is_none_or(|most| age(entry) <= most);
                young && wish.token.is_none() && now < entry.expires
            }
            _ => false,
        }
    }

    fn hit(&self, entry: &Entry, from: Level, notes: &mut Notes) {
        let proof = match entry.proof {
            Proof::Label(_) => crate::call::Proof::Feed,
            Proof::TimeToLive | Proof::None => crate::call::Proof::TimeToLive,
        };
        notes.served = Some(Served::Hit { age: age(entry), from, proof });
        notes.token = entry.token();
    }

    /// What was read, as an entry: labelled where what it was read with is known, for its time where the contract allows it;
    /// else it serves the one call, and nobody after it.
    pub fn entry(&self, got: Got, way: Way, terms: &Terms, tags: impl FnOnce() -> Vec<Tag>) -> Entry {
        let now = Instant::now();
        let (ttl, proof) = match way {
            Way::Proved(ground) => {
                let seen = got.seen.as_deref().filter(|seen| self.lives(ground.epoch, seen));
                let seen = seen.and_then(|seen| seen_by(seen).ok());
                let label =
                    seen.and_then(|seen| Label::new(ground.epoch, seen, self.printed(ground, tags())));
                (terms.ttl, label.map_or(Proof::None, Proof::Label))
            }
            Way::Timed(ttl) => (ttl.min(terms.ttl), Proof::TimeToLive),
            Way::Bypass(_) => (Duration::ZERO, Proof::None),
        };
        // What is kept weighs what it is long.
        let kept = self.store.is_some() && !matches!(proof, Proof::None);
        let payload = got.payload.map(|payload| if kept { payload.compact() } else { payload });
        Entry::new(payload, got.aside, proof, SystemTime::now(), now + ttl, terms.idle)
    }

    /// With the prints that were known before anything was read; without any where others are known by now.
    fn printed(&self, ground: Ground, tags: Vec<Tag>) -> Vec<Tag> {
        self.feed.look(|following| match following.number() == ground.following {
            true => following.printed(tags),
            false => tags,
        })
    }

    /// Keeps it, whatever has changed meanwhile.
    pub fn keep(&self, key: Option<Key>, entry: &Arc<Entry>) {
        if let (Some(key), Some(store)) = (key, &self.store)
            && !matches!(entry.proof, Proof::None)
        {
            store.put(key, entry.clone());
            self.share(key, entry);
        }
    }

    fn share(&self, key: Key, entry: &Arc<Entry>) {
        if let (Some(redis), Proof::Label(_)) = (&self.redis, &entry.proof) {
            redis.put(key, entry);
        }
    }

    /// Where an answer's compressed frames go.
    pub fn kept(&self, answered: &Answered) -> Option<Kept> {
        let (key, store) = (answered.key?, self.store.clone()?);
        Some(Kept::new(store, key, answered.entry.clone()))
    }
}

impl Course {
    /// Whether what is read by it can be proved, kept or not.
    pub fn proves(&self) -> bool {
        matches!(self.way, Way::Proved(_))
    }

    /// Whether the answer's bytes are all that matters of it.
    pub fn plain(&self) -> bool {
        matches!(self.way, Way::Bypass(_)) && self.wish.token.is_none()
    }

    /// The key of an answer that may be served when it is kept.
    fn kept(&self, notes: &Notes) -> Option<Key> {
        self.key.filter(|_| matches!(notes.served, Some(Served::Miss { .. })))
    }

    /// Whether it has to be known what the answer is read with.
    pub fn sight(&self) -> postgres::Sight {
        match (self.way, &self.wish.token) {
            (Way::Proved(_), _) | (_, Some(_)) => postgres::Sight::Told,
            _ => postgres::Sight::Untold,
        }
    }
}

/// Since it was read; a clock that was set back makes it new.
fn age(entry: &Entry) -> Duration {
    entry.read_at.elapsed().unwrap_or_default()
}

fn seen_by(seen: &postgres::Seen) -> Result<Seen, cache::Error> {
    match seen.standby {
        false => Seen::of_primary(&seen.first, &seen.last),
        true => Seen::of_standby(&seen.first, &seen.last),
    }
}

fn refused(text: String) -> Error {
    Error::Refused(Violation::new(Reason::TokenInvalid, "rowcall-token", text).into())
}
