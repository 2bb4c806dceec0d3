//! Callers that ask for the same at the same time → one that fetches it, and others that wait for what it gets.
//!
//! ```text
//! first caller ──► leads ──ends──► what it got goes to all that wait
//!                    └──leaves, or fails for a reason of its own──► they are told to try themselves,
//!                                                                   and the first of them leads
//! later callers ─► follow, each no longer than it wants to
//! ```
//!
//! So nobody fails because another left. What is got is judged by each for itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::Key;

/// What is being fetched, and who waits for it. Cheap to clone.
#[derive(Debug)]
pub struct Flights<T> {
    under_way: Arc<Mutex<FxHashMap<Key, Vec<oneshot::Sender<T>>>>>,
}

impl<T> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Flights { under_way: self.under_way.clone() }
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Flights { under_way: Arc::default() }
    }
}

/// What a caller has to do.
pub enum Part<T> {
    Lead(Lead<T>),
    /// Err: the one that led did not get it, and this caller enters again.
    Follow(oneshot::Receiver<T>),
}

/// The duty to fetch; dropping it passes it on.
pub struct Lead<T> {
    flights: Flights<T>,
    key: Key,
    /// Another may lead by now.
    landed: bool,
}

impl<T: Clone> Flights<T> {
    pub fn enter(&self, key: Key) -> Part<T> {
        match lock(&self.under_way).entry(key) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(Vec::new());
                Part::Lead(Lead { flights: self.clone(), key, landed: false })
            }
            std::collections::hash_map::Entry::Occupied(mut waiting) => {
                let (sender, receiver) = oneshot::channel();
                // Those that have left make room, so that who comes and goes costs no memory.
                let waiting = waiting.get_mut();
                if waiting.len() == waiting.capacity() {
                    waiting.retain(|sender| !sender.is_closed());
                }
                waiting.push(sender);
                Part::Follow(receiver)
            }
        }
    }
}

impl<T: Clone> Lead<T> {
    /// It is there: everyone who waits gets it.
    pub fn land(mut self, got: &T) {
        let waiting = lock(&self.flights.under_way).remove(&self.key).unwrap_or_default();
        self.landed = true;
        for sender in waiting {
            // Who has left needs nothing.
            let _ = sender.send(got.clone());
        }
    }
}

impl<T> Drop for Lead<T> {
    fn drop(&mut self) {
        if !self.landed {
            drop(lock(&self.flights.under_way).remove(&self.key));
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Prefix;

    fn key() -> Key {
        Prefix::default().key()
    }

    fn lead(flights: &Flights<u32>) -> Lead<u32> {
        match flights.enter(key()) {
            Part::Lead(lead) => lead,
            Part::Follow(_) => panic!("another leads"),
        }
    }

    fn follow(flights: &Flights<u32>) -> oneshot::Receiver<u32> {
        match flights.enter(key()) {
            Part::Follow(waits) => waits,
            Part::Lead(_) => panic!("nobody leads"),
        }
    }

    #[tokio::test]
    async fn what_one_gets_all_get() {
        let flights = Flights::default();
        let leads = lead(&flights);
        let (one, other) = (follow(&flights), follow(&flights));
        leads.land(&7);
        assert_eq!((one.await, other.await), (Ok(7), Ok(7)));
        // The next is a flight of its own, which the end of the first has not touched.
        let leads = lead(&flights);
        let late = follow(&flights);
        leads.land(&8);
        assert_eq!(late.await, Ok(8));
    }

    #[tokio::test]
    async fn when_the_first_leaves_the_next_leads() {
        let flights = Flights::default();
        let leads = lead(&flights);
        let waits = follow(&flights);
        drop(leads);
        assert!(waits.await.is_err());
        lead(&flights).land(&7);
    }

    #[test]
    fn who_comes_and_goes_is_forgotten() {
        let flights = Flights::default();
        let _leads = lead(&flights);
        for _ in 0..1_000 {
            drop(follow(&flights));
        }
        let held = lock(&flights.under_way)[&key()].len();
        assert!(held < 10, "{held} places of callers that left");
    }
}
