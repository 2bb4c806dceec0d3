//! What nobody has kept → read: by this call, or by another that asked for the same first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::sleep;

use super::attempts::Attempts;
use super::{Answered, Course, Keep, Keeper, Terms, Way, Wish, seen_by};
use crate::cache::{Entry, Epoch, Key, Label, Lead, Part, Seen, Snapshot, Tag, Verdict, Want, Xid};
use crate::call::{Level, Notes, Served};
use crate::contract::options::Reason;
use crate::error::Error;
use crate::postgres::{self, Found, Miss, Server, Servers, Sight};
use crate::redis::Redis;
use crate::wire::Payload;

/// A question that can be put to a server, more than once.
pub(in crate::pipeline) trait Read: Sync {
    type Answer: Shows + Send;

    fn read(
        &self,
        server: &Server,
        sight: Sight,
        notes: &mut Notes,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;

    /// What its answer depends on.
    fn tags(&self) -> Vec<Tag>;
}

/// What a server answered.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Got {
    /// None: there is no such row.
    pub payload: Option<Payload>,
    pub aside: Bytes,
    /// None where nobody asked for it, and when it is not known.
    pub seen: Option<Arc<postgres::Seen>>,
}

/// What was read, with what it was read with.
pub(in crate::pipeline) trait Shows {
    fn seen(&self) -> Option<&postgres::Seen>;
}

impl Shows for Got {
    fn seen(&self) -> Option<&postgres::Seen> {
        self.seen.as_deref()
    }
}

/// What a token stands for may be visible on a standby before it is on the primary, by so little.
const AGAIN_FIRST: Duration = Duration::from_millis(1);
const AGAIN_MAX: Duration = Duration::from_millis(50);

/// Who has followed so often in vain reads for itself.
const FOLLOWS_MAX: usize = 3;

/// A standby that is behind by more does not keep up.
const KEEPS_UP: Duration = Duration::from_millis(250);

impl Keeper {
    /// By the course that `look` gave.
    pub async fn read<R: Read<Answer = Got>>(
        &self,
        course: &Course,
        terms: &Terms,
        reading: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<Answered, Error> {
        // With a token a call may have to read again and again: nobody waits for that, or is made to.
        let shares =
            !course.wish.no_cache && course.wish.token.is_none() && !matches!(course.way, Way::Bypass(_));
        let Some(key) = course.key.filter(|_| shares) else {
            let entry = self.fetch(course, terms, reading, servers, notes).await?;
            return Ok(Answered { entry, key: course.key });
        };
        let mut lead = None;
        for _ in 0..FOLLOWS_MAX {
            match self.flights.enter(key) {
                Part::Lead(leads) => {
                    lead = Some(leads);
                    break;
                }
                Part::Follow(waits) => match waits.await {
                    Ok(Ok(entry)) if self.good(&entry, course.way, &course.wish, Instant::now()) => {
                        notes.served = Some(Served::Shared);
                        notes.token = entry.token();
                        return Ok(Answered { entry, key: Some(key) });
                    }
                    Ok(Err(error)) => return Err(error),
                    // It is not for us, or nobody got it.
                    Ok(Ok(_)) | Err(_) => {}
                },
            }
        }
        let entry = self.lead(lead, course, terms, reading, servers, notes).await?;
        Ok(Answered { entry, key: Some(key) })
    }

    async fn lead<R: Read<Answer = Got>>(
        &self,
        lead: Option<Lead<Result<Arc<Entry>, Error>>>,
        course: &Course,
        terms: &Terms,
        reading: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<Arc<Entry>, Error> {
        let shared = course.key.filter(|_| lead.is_some() && course.keep == Keep::Whole);
        if let Some(key) = shared
            && let Some(entry) = self.bring(course, key, notes).await
        {
            lead.into_iter().for_each(|lead| lead.land(&Ok(entry.clone())));
            return Ok(entry);
        }
        let fetched = self.fetch(course, terms, reading, servers, notes).await;
        match (lead, &fetched) {
            (None, _) => {}
            // By this call's own deadline: others may have longer.
            (Some(lead), Err(error)) if own(error) => drop(lead),
            (Some(lead), fetched) => lead.land(fetched),
        }
        fetched
    }

    /// Reads and keeps.
    async fn fetch<R: Read<Answer = Got>>(
        &self,
        course: &Course,
        terms: &Terms,
        reading: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<Arc<Entry>, Error> {
        let got = self.current(course, reading, servers, notes).await?;
        let entry = Arc::new(self.entry(got, course.way, terms, || reading.tags()));
        notes.token = entry.token();
        if course.keep == Keep::Whole {
            self.keep(course.key, &entry);
        }
        Ok(entry)
    }

    /// What is read where it is fresh enough: at a standby when the rule proves its answer, at the primary else; and not
    /// older than the call's token.
    pub async fn current<R: Read>(
        &self,
        course: &Course,
        question: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<R::Answer, Error> {
        let epoch = match course.way {
            Way::Proved(ground) if !course.wish.no_cache => Some(ground.epoch),
            _ => None,
        };
        let wanted =
            |found: &Found| epoch.is_some_and(|epoch| self.may_prove(epoch, &course.wish, question, found));
        let mut served = notes.served;
        let attempts = Attempts::new(notes);
        let read = |server: Server| {
            let mut attempt = attempts.begin();
            async move {
                let mut pause = AGAIN_FIRST;
                loop {
                    let got = question.read(&server, course.sight(), &mut attempt.notes).await?;
                    let shown = match epoch.filter(|_| server.is_standby()) {
                        Some(epoch) => self.proves(epoch, &course.wish, question, got.seen()),
                        None => self.covers(&course.wish, got.seen()),
                    };
                    match shown {
                        true => return Ok((got, attempt.won(), server.is_standby())),
                        false if server.is_standby() => return Err(Miss::TooOld),
                        false => sleep(pause).await,
                    }
                    pause = (pause * 2).min(AGAIN_MAX);
                }
            }
        };
        match servers.read(course.deadline, wanted, read).await {
            Ok((got, own, standby)) => {
                if let Some(Served::Miss { standby: of }) = &mut served {
                    *of = standby;
                }
                attempts.answered(own, served);
                Ok(got)
            }
            Err(Miss::Failed(error)) => Err(error),
            // Only what a standby says is too old, and the primary has the last word.
            Err(Miss::TooOld) => Err(postgres::Error::Spent.into()),
        }
    }

    /// Whether a standby's answer that was read so may be served.
    fn proves<R: Read>(
        &self,
        epoch: Epoch,
        wish: &Wish,
        question: &R,
        seen: Option<&postgres::Seen>,
    ) -> bool {
        let seen = seen.filter(|seen| self.lives(epoch, seen)).and_then(|seen| seen_by(seen).ok());
        let label = seen.and_then(|seen| Label::new(epoch, seen, question.tags()));
        let want = Want { max_lag: wish.lag_max, token: wish.token.as_ref() };
        label.is_some_and(|label| self.feed.ledger().judge(&label, want, Instant::now()) == Verdict::Good)
    }

    /// Whether what was read at the primary shows all that the token stands for. Where nobody is left to tell the server's
    /// life, ids have to do.
    fn covers(&self, wish: &Wish, seen: Option<&postgres::Seen>) -> bool {
        let (token, seen) = match (&wish.token, seen) {
            (None, _) => return true,
            (Some(_), None) => return false,
            (Some(token), Some(seen)) => (token, seen),
        };
        let lives = seen.witness.is_none() || self.lives(token.epoch(), seen);
        lives && seen_by(seen).is_ok_and(|seen| token.within(seen.least()))
    }

    /// Whether the server that was read is in this life of the database. Ids repeat after a failover, and one that is in a
    /// lost life looks like ours in all else.
    pub(super) fn lives(&self, epoch: Epoch, seen: &postgres::Seen) -> bool {
        seen.witness.as_deref().is_some_and(|nonce| self.feed.epoch_of(nonce) == epoch)
    }

    /// Whether it is worth a try. One that keeps up has mostly come further than when it was looked at; of one
    /// that does not, what was found then decides.
    fn may_prove<R: Read>(&self, epoch: Epoch, wish: &Wish, question: &R, found: &Found) -> bool {
        let least = || Snapshot::below(Xid(found.xmin));
        if let Some(token) = &wish.token
            && !token.within(&least())
        {
            return false;
        }
        if found.behind <= KEEPS_UP {
            return true;
        }
        let label = Label::new(epoch, Seen::exactly(least()), question.tags());
        let want = Want { max_lag: wish.lag_max, token: None };
        label.is_some_and(|label| self.feed.ledger().judge(&label, want, Instant::now()) == Verdict::Good)
    }

    /// What Redis has, when it may be served.
    pub async fn bring(&self, course: &Course, key: Key, notes: &mut Notes) -> Option<Arc<Entry>> {
        let (redis, epoch) = self.redis(course)?;
        let entry = redis.get(epoch, &[key]).await.pop().flatten().map(Arc::new)?;
        if !self.good(&entry, course.way, &course.wish, Instant::now()) {
            return None;
        }
        self.store.as_ref()?.put(key, entry.clone());
        self.hit(&entry, Level::Redis, notes);
        Some(entry)
    }

    pub(super) fn redis(&self, course: &Course) -> Option<(&Redis, Epoch)> {
        match course.way {
            Way::Proved(ground) if !course.wish.no_cache => Some((self.redis.as_ref()?, ground.epoch)),
            _ => None,
        }
    }
}

/// Whether another in this one's place might not have failed.
fn own(error: &Error) -> bool {
    match error {
        Error::Postgres(error) => matches!(
            error.reason(),
            Reason::DeadlinePassed
                | Reason::DatabaseBusy
                | Reason::CallCancelled
                | Reason::StatementCancelled
        ),
        _ => false,
    }
}
