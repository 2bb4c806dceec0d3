//! Rows of one answer that are kept one by one → the answer, when all of them are kept and show one state of the database.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::{Course, Keep, Keeper, Terms, Way, age};
use crate::cache::{Entry, Key, Label, Prefix, Proof, Tag, Token, Verdict, Want};
use crate::call::{Call, Level, Notes, Stage};
use crate::error::Error;
use crate::plan::Method;
use crate::wire::Payload;

/// What looking for all of them comes to.
pub(in crate::pipeline) enum LookForAll {
    /// In the order of their keys.
    Hit(Vec<Arc<Entry>>),
    Read(Course, Vec<Key>),
}

impl Keeper {
    /// All of them, of one state of the database, or how to read them.
    pub fn look_for_all(
        &self,
        terms: &Terms,
        (method, keys): (&Method, impl FnOnce() -> Vec<Key>),
        call: &Call,
        notes: &mut Notes,
    ) -> Result<LookForAll, Error> {
        let begun = Instant::now();
        let mut parts = Vec::new();
        let whole = || {
            parts = keys();
            // Of one method: another puts the same rows into another message.
            let of = Prefix::default().with(method.path.as_bytes());
            parts.iter().fold(of, |prefix, key| prefix.with(&key.0)).key()
        };
        let course = Course { keep: Keep::No, ..self.course(terms, whole, call, notes)? };
        let found = course.kept(notes).and_then(|_| self.all(&parts, &course, begun));
        notes.took(Stage::Cache, begun);
        Ok(match found {
            Some(entries) => {
                self.hits(&entries, Level::Process, notes);
                LookForAll::Hit(entries)
            }
            None => LookForAll::Read(course, parts),
        })
    }

    /// The same once more, with what Redis has of them.
    pub async fn look_elsewhere(
        &self,
        course: &Course,
        keys: &[Key],
        notes: &mut Notes,
    ) -> Option<Vec<Arc<Entry>>> {
        let begun = Instant::now();
        let found = match self.bring_all(course, keys).await {
            true => self.all(keys, course, begun),
            false => None,
        };
        if let Some(entries) = &found {
            self.hits(entries, Level::Redis, notes);
        }
        notes.took(Stage::Cache, begun);
        found
    }

    fn hits(&self, entries: &[Arc<Entry>], from: Level, notes: &mut Notes) {
        if let Some(oldest) = entries.iter().max_by_key(|entry| age(entry)) {
            self.hit(oldest, from, notes);
            notes.token = self.token_of_all(entries);
        }
    }

    fn all(&self, keys: &[Key], course: &Course, now: Instant) -> Option<Vec<Arc<Entry>>> {
        let Course { way, wish, .. } = course;
        let store = self.store.as_ref()?;
        let entries: Vec<Arc<Entry>> = keys.iter().map(|key| store.get(key)).collect::<Option<_>>()?;
        if let Way::Proved(_) = way {
            let labels = || entries.iter().filter_map(|entry| entry.label());
            let want = Want { max_lag: wish.lag_max, token: wish.token.as_ref() };
            let together = labels().count() == entries.len()
                && self.feed.ledger().judge_together(labels(), want, now) == Verdict::Good;
            return together.then_some(entries);
        }
        entries.iter().all(|entry| self.good(entry, *way, wish, now)).then_some(entries)
    }

    /// What the reader of all of them has seen.
    fn token_of_all(&self, entries: &[Arc<Entry>]) -> Option<Bytes> {
        let mut labels = entries.iter().filter_map(|entry| entry.label());
        let first = labels.next()?;
        let most = labels.fold(first.seen().most().clone(), |most, label| most.union(label.seen().most()));
        Some(Token::read(first.epoch(), most).to_string().into())
    }

    /// The same of several, into this process: whoever looks for them next finds them here.
    pub async fn bring_all(&self, course: &Course, keys: &[Key]) -> bool {
        let (Some((redis, epoch)), Some(store)) = (self.redis(course), &self.store) else { return false };
        let wanted: Vec<Key> = keys.iter().filter(|key| store.get(key).is_none()).copied().collect();
        let found = redis.get(epoch, &wanted).await;
        let mut all = true;
        for (key, entry) in wanted.iter().zip(found) {
            match entry {
                Some(entry) => store.put(*key, Arc::new(entry)),
                None => all = false,
            }
        }
        all && !wanted.is_empty()
    }

    /// Keeps a part of what was read, by a key of its own.
    pub fn keep_part(
        &self,
        key: Key,
        payload: Payload,
        whole: &Label,
        (course, terms): (&Course, &Terms),
        tags: impl FnOnce() -> Vec<Tag>,
    ) {
        let (Way::Proved(ground), Some(store)) = (course.way, &self.store) else { return };
        let tags = self.printed(ground, tags());
        let Some(label) = Label::new(whole.epoch(), whole.seen().clone(), tags) else { return };
        let (now, expires) = (SystemTime::now(), Instant::now() + terms.ttl);
        let entry = Entry::new(Some(payload), Bytes::new(), Proof::Label(label), now, expires, terms.idle);
        let entry = Arc::new(entry);
        store.put(key, entry.clone());
        self.share(key, &entry);
    }
}
