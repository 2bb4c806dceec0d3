//! A state → whether what could be served in it keeps what is promised.

use stateright::Property;

use super::postgres::{Stage, Writers};
use super::steps::OURS;
use super::{Entry, Machine, State};
use crate::cache::{Epoch, Token, Xid};

pub const ANSWERED: &str = "a read includes what was answered before the last poll was asked";
pub const ANSWERED_HERE: &str = "a read includes what this process answered";
pub const WRITE_TOKEN: &str = "a read with a write's token includes the write";
pub const READ_TOKEN: &str = "a read with a read's token includes what that showed";
pub const LOST: &str = "nothing of a lost commit is served after the first poll";

pub fn promises() -> Vec<Property<Machine>> {
    vec![
        Property::always(ANSWERED, |machine: &Machine, state: &State| {
            machine.includes(state, state.feed.answered, None)
        }),
        Property::always(ANSWERED_HERE, |machine: &Machine, state: &State| {
            machine.includes(state, state.feed.answered_here, None)
        }),
        Property::always(WRITE_TOKEN, |machine: &Machine, state: &State| {
            let Stage::Answered(xid) = state.postgres.writers[OURS] else { return true };
            let token = Token::wrote(Epoch(state.postgres.life.into()), Xid(xid));
            machine.includes(state, Writers::default().with(OURS), Some(&token))
        }),
        Property::always(READ_TOKEN, |machine: &Machine, state: &State| {
            state.read.as_ref().is_none_or(|(token, shown)| machine.includes(state, *shown, Some(token)))
        }),
        Property::always(LOST, |machine: &Machine, state: &State| {
            let lost = state.postgres.lost();
            let unaware = state.feed.life != state.postgres.life;
            unaware || machine.served(state, None, |entry| entry.content.without(lost) == entry.content)
        }),
        // A cache that serves nothing would keep them all.
        Property::sometimes("both writes are served", |machine: &Machine, state: &State| {
            let both = Writers::default().with(0).with(1);
            !machine.served(state, None, |entry| entry.content != both)
        }),
        Property::sometimes(
            "an old entry is served since nothing changed",
            |machine: &Machine, state: &State| {
                state.polls > 0 && !machine.served(state, None, |entry| !entry.content.is_empty())
            },
        ),
        Property::sometimes("an entry is refused", |machine: &Machine, state: &State| {
            state.entry.as_ref().is_some_and(|entry| !state.serves(entry, None, machine.scheme))
        }),
    ]
}

impl Machine {
    fn includes(&self, state: &State, writers: Writers, token: Option<&Token>) -> bool {
        let writers = writers.without(state.postgres.lost());
        self.served(state, token, |entry| writers.within(entry.content))
    }

    /// Whether it holds of the entry, if there is one that is served.
    fn served(&self, state: &State, token: Option<&Token>, holds: impl Fn(&Entry) -> bool) -> bool {
        // Judging is what costs, and most entries hold what is asked of them.
        state.entry.as_ref().is_none_or(|entry| holds(entry) || !state.serves(entry, token, self.scheme))
    }
}
