//! Chunks of a stream that are kept → sent without a statement; those that were read → kept.
//!
//! A chunk is kept by the listing and by the position it begins behind, so that streams of the same rows meet wherever
//! they have come to.

use std::sync::Arc;

use super::keep::{Aside, Course, Got, Look, Terms, Value};
use super::list::{Ask, Read};
use super::pages;
use super::stream::Work;
use crate::cache::{Entry, Tag};
use crate::call::{Notes, Served};
use crate::error::Error;
use crate::plan::bind::Listing;
use crate::wire::Payload;

/// The kept chunks of one stream.
pub(super) struct Kept<'a> {
    pub work: &'a Work,
    pub listing: &'a Listing,
    pub terms: &'a Terms,
}

impl Kept<'_> {
    /// The chunk that begins where `ask` goes on.
    pub fn look(&self, ask: &Ask<'_>) -> Result<Look, Error> {
        let Work { pipeline, plans, method, call, output, .. } = self.work;
        let mut notes = Notes::default();
        let key = || pages::key(plans, method, (self.listing, &ask.select, ask.total), &pipeline.sealed);
        let looked = pipeline.keeper.look(self.terms, key, call, &mut notes)?;
        output.note(|all| tell(all, notes));
        Ok(looked)
    }

    /// What each of them depends on.
    pub fn tags(&self) -> Vec<Tag> {
        let own = pages::tags(&self.work.plans, &self.listing.select);
        own.into_iter().chain(self.terms.beside.iter().copied()).collect()
    }

    /// Sends what is kept, chunk by chunk. How to read what comes behind it; None when it is over, for the rows or for
    /// the reader.
    pub async fn send_kept(&self, ask: &mut Ask<'_>) -> Result<Option<Course>, Error> {
        loop {
            let entry = match self.look(ask)? {
                Look::Hit(answered) => answered.entry,
                Look::Read(course) => match self.bring(&course).await {
                    Some(entry) => entry,
                    None => return Ok(Some(course)),
                },
            };
            let Some(room) = self.work.room().await? else { return Ok(None) };
            let aside = Aside::of(&entry.aside).unwrap_or_default();
            let (total, more) = (aside.total(), aside.more);
            let last = aside.last.iter().map(|value| value.bytes.clone()).collect();
            self.work.output.note(|notes| aside.tell(notes));
            room.send(entry.payload.clone().unwrap_or_else(|| Payload::of(&[])));
            if !more {
                return Ok(None);
            }
            *ask = ask.after(last, total);
        }
    }

    /// What Redis has of it.
    async fn bring(&self, course: &Course) -> Option<Arc<Entry>> {
        let mut notes = Notes::default();
        let entry = self.work.pipeline.keeper.bring(course, course.key?, &mut notes).await?;
        self.work.output.note(|all| all.served = notes.served);
        Some(entry)
    }

    /// Keeps a chunk that begins where `ask` goes on; `behind` is what goes on after it, and whether anything does.
    pub fn keep(
        &self,
        course: &Course,
        ask: &Ask<'_>,
        read: &Read<'_>,
        payload: Payload,
        (behind, more): (&Ask<'_>, bool),
    ) {
        let Work { pipeline, plans, method, .. } = self.work;
        let last = behind.select.after.iter().flatten().map(|bytes| Value { bytes: bytes.clone() }).collect();
        let aside = Aside { last, more, ..Aside::new(read.total, &read.tree.truncated) };
        let got = Got { payload: Some(payload), aside: aside.bytes(), seen: read.seen.clone() };
        let entry = Arc::new(pipeline.keeper.entry(got, course.way, self.terms, || self.tags()));
        let token = entry.token();
        self.work.output.note(|notes| notes.token = token.or(notes.token.take()));
        let key = pages::key(plans, method, (self.listing, &ask.select, ask.total), &pipeline.sealed);
        pipeline.keeper.keep(Some(key), &entry);
    }
}

/// A stream is a hit when every chunk was.
fn tell(all: &mut Notes, chunk: Notes) {
    if matches!(all.served, None | Some(Served::Hit { .. })) {
        all.served = chunk.served;
    }
    all.token = chunk.token.clone().or(all.token.take());
    all.stages_of(chunk);
}
