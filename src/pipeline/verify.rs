//! A sample of a hit → its answer read again, and compared with what was kept.

use std::time::Instant;

use prost_reflect::MessageDescriptor;

use super::Pipeline;
use super::keep::{Answer, Compared, Sample, Verified};
use crate::call::{Call, Deadline, Freshness, Notes};
use crate::error::Error;
use crate::wire::{self, Payload};

/// What differs without any row having changed: tokens are of their hour, and estimates are the planner's.
const OF_THEIR_TIME: [&str; 2] = ["next_page_token", "total_size"];

impl Pipeline {
    /// The next hit that is to be read again.
    pub async fn sampled(&self) -> Option<Sample> {
        self.keeper.verifier().sampled().await
    }

    /// Reads it again at the primary. When it is another by then, a poll from after that must tell why.
    pub async fn compare(&self, sample: &Sample) -> Compared {
        let freshness = Freshness { no_cache: true, ..Freshness::default() };
        let mut call = Call { started: Instant::now(), ..sample.call.clone() };
        call.hints.freshness = freshness;
        call.deadline = Deadline::Given(call.deadline.at(Instant::now()));
        let mut notes = Notes::default();
        let read =
            Box::pin(self.answer(&sample.plans, &sample.method, &call, sample.request.clone(), &mut notes));
        let compared = match (read.await, &sample.entry.payload) {
            (Ok(Answer { payload, .. }), Some(kept)) if same(&sample.method.output, &payload, kept) => {
                Compared::Same
            }
            (Ok(_) | Err(Error::Missing { .. }), _) => {
                self.keeper.feed().polled().await;
                match self.keeper.still_good(&sample.entry) {
                    true => Compared::Other,
                    false => Compared::Unknown,
                }
            }
            (Err(_), _) => Compared::Unknown,
        };
        self.keeper.verifier().count(compared);
        compared
    }

    /// Nothing of its tables is kept any more.
    pub fn distrust(&self, sample: &Sample) {
        self.keeper.verifier().distrust(&sample.entry);
    }

    /// Hits that were read again.
    pub fn verified(&self) -> Verified {
        self.keeper.verifier().verified()
    }
}

fn same(output: &MessageDescriptor, read: &Payload, kept: &Payload) -> bool {
    let left_out: Vec<u32> =
        OF_THEIR_TIME.iter().filter_map(|name| Some(output.get_field_by_name(name)?.number())).collect();
    let (read, kept) = (read.message(), kept.message());
    read == kept || wire::fields(&read, &left_out).eq(wire::fields(&kept, &left_out))
}
