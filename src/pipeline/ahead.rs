//! What streams hold of rows their callers have not taken, all together → how far one may read ahead.
//!
//! A stream within the limit reads ahead, and its share is given back with the last chunk that is
//! made of those rows, wherever that waits to be sent. One beyond it goes on with little at a time,
//! and only when its caller has taken what there was: slow callers never stop others' streams.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::stream::Settings;
use crate::error::Error;

/// All streams of a process.
pub(super) struct Streams {
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    streams_max: usize,
}

/// One of the streams there may be.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Bytes that count against the limit for as long as any clone lives.
#[derive(Clone)]
pub(super) struct Share {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Streams {
    pub fn new(settings: &Settings) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Streams {
            places: semaphore(settings.streams_max),
            bytes: semaphore(settings.ahead_total_bytes),
            streams_max: settings.streams_max,
        }
    }

    /// Streams under way.
    pub fn active(&self) -> usize {
        self.streams_max.saturating_sub(self.places.available_permits())
    }

    pub fn enter(&self) -> Result<Place, Error> {
        let permit = self.places.clone().try_acquire_owned();
        let permit = permit.map_err(|_| Error::StreamsFull { streams_max: self.streams_max })?;
        Ok(Place { _permit: permit })
    }

    /// None when that would be more than all may hold.
    pub fn share(&self, bytes: usize) -> Option<Share> {
        let bytes = u32::try_from(bytes).ok()?;
        let permit = self.bytes.clone().try_acquire_many_owned(bytes).ok()?;
        Some(Share { _permit: Arc::new(permit) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn streams() -> Streams {
        let stall_max = Duration::from_secs(1);
        Streams::new(&Settings { streams_max: 1, stall_max, ahead_bytes: 10, ahead_total_bytes: 10 })
    }

    #[test]
    fn a_share_counts_until_its_last_clone_is_gone() {
        let streams = streams();
        let share = streams.share(7).expect("within the limit");
        let clone = share.clone();
        drop(share);
        assert!(streams.share(4).is_none());
        drop(clone);
        assert!(streams.share(10).is_some());
        assert!(streams.share(usize::MAX).is_none());
    }

    #[test]
    fn a_place_is_free_when_its_stream_is_gone() {
        let streams = streams();
        let place = streams.enter();
        assert!(place.is_ok() && matches!(streams.enter(), Err(Error::StreamsFull { streams_max: 1 })));
        drop(place);
        assert!(streams.enter().is_ok());
    }
}
