//! What nobody has kept → read: by this call, or by another that asked for the same first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::sleep;

use super::{Answered, Course, Keep, Keeper, Terms, Way, seen_by};
use crate::cache::{Entry, Lead, Part, Tag};
use crate::call::{Notes, Served};
use crate::contract::options::Reason;
use crate::error::Error;
use crate::postgres::{self, Postgres, Servers, Sight};
use crate::wire::Payload;

/// A question that can be put to a server, more than once.
pub(in crate::pipeline) trait Read: Sync {
    type Answer: Shows + Send;

    fn read(
        &self,
        server: &Postgres,
        sight: Sight,
        notes: &mut Notes,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// One whose answer can be kept.
pub(in crate::pipeline) trait Reading: Read<Answer = Got> {
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

impl Keeper {
    /// By the course that `look` gave.
    pub async fn read<R: Reading>(
        &self,
        course: &Course,
        terms: &Terms,
        reading: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<Answered, Error> {
        let shares = !course.wish.no_cache && !matches!(course.way, Way::Bypass(_));
        let Some(key) = course.key.filter(|_| shares) else {
            let entry = self.fetch(course, terms, reading, servers, notes).await?;
            return Ok(Answered { entry, key: course.key });
        };
        let lead = match self.flights.enter(key) {
            Part::Lead(lead) => Some(lead),
            Part::Follow(waits) => match waits.await {
                Ok(Ok(entry)) if self.good(&entry, course.way, &course.wish, Instant::now()) => {
                    notes.served = Some(Served::Shared);
                    notes.token = entry.token();
                    return Ok(Answered { entry, key: Some(key) });
                }
                Ok(Err(error)) => return Err(error),
                // It is not for us, or nobody got it: who reads for itself waits for nobody again.
                Ok(Ok(_)) => None,
                Err(_) => match self.flights.enter(key) {
                    Part::Lead(lead) => Some(lead),
                    Part::Follow(_) => None,
                },
            },
        };
        let entry = self.lead(lead, course, terms, reading, servers, notes).await?;
        Ok(Answered { entry, key: Some(key) })
    }

    async fn lead<R: Reading>(
        &self,
        lead: Option<Lead<Result<Arc<Entry>, Error>>>,
        course: &Course,
        terms: &Terms,
        reading: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<Arc<Entry>, Error> {
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
    async fn fetch<R: Reading>(
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

    /// Reads until what is read is not older than the call's token.
    pub async fn current<R: Read>(
        &self,
        course: &Course,
        question: &R,
        servers: &Servers,
        notes: &mut Notes,
    ) -> Result<R::Answer, Error> {
        let mut pause = AGAIN_FIRST;
        loop {
            let got = question.read(servers.primary(), course.sight(), notes).await?;
            let shown = match (&course.wish.token, got.seen()) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(token), Some(seen)) => seen_by(seen).is_ok_and(|seen| token.within(seen.least())),
            };
            if shown {
                return Ok(got);
            }
            sleep(pause).await;
            pause = (pause * 2).min(AGAIN_MAX);
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
