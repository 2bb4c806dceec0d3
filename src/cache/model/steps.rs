//! A state → what can happen next, and what comes of it.

use stateright::{Model, Property};

use super::postgres::Stage;
use super::promises::promises;
use super::{Action, Entry, Feed, Fill, Machine, Postgres, Read, Scheme, Server, State};
use crate::cache::Xid;

/// This writer comes through this process; the other from elsewhere.
pub const OURS: usize = 0;

impl Model for Machine {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let postgres = Postgres::new();
        let feed = Feed::new(&postgres, self.scheme);
        let (polls, fills, restarts, failovers, cleanings) = (0, 0, 0, 0, 0);
        let (fill, entry, read) = (None, None, None);
        vec![State { postgres, feed, fill, entry, read, polls, fills, restarts, failovers, cleanings }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.of_postgres(state, actions);
        self.of_feed(state, actions);
        self.of_cache(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.take(action, self.scheme);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises()
    }
}

impl Machine {
    fn of_postgres(&self, state: &State, actions: &mut Vec<Action>) {
        for (writer, stage) in state.postgres.writers.iter().enumerate() {
            actions.extend(match stage {
                Stage::Idle => Some(Action::Begin(writer)),
                Stage::Running(_) => Some(Action::Log(writer)),
                Stage::Logged(_) => Some(Action::Show(writer)),
                Stage::Visible(_) => Some(Action::Answer(writer)),
                Stage::Answered(_) | Stage::Lost => None,
            });
        }
        // A standby that nobody will read or promote may stay behind.
        let read =
            state.fills < self.fills_max || state.fill.as_ref().is_some_and(|fill| fill.content.is_none());
        let matters = read || state.failovers < self.failovers_max;
        let possible = [
            (Action::Replay, matters && state.postgres.can_replay()),
            (Action::Failover, state.failovers < self.failovers_max),
            (Action::Reference, state.cleanings < self.cleanings_max && state.postgres.reference.is_none()),
            (Action::Clean, state.cleanings < self.cleanings_max && state.postgres.reference.is_some()),
        ];
        actions.extend(possible.into_iter().filter_map(|(action, possible)| possible.then_some(action)));
    }

    fn of_feed(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(match &state.feed.poll {
            None if state.polls < self.polls_max => Some(Action::AskPoll),
            None => None,
            Some(poll) if poll.answer.is_none() => Some(Action::AnswerPoll),
            Some(_) => Some(Action::HearPoll),
        });
        if state.restarts < self.restarts_max {
            actions.push(Action::Restart);
        }
    }

    fn of_cache(&self, state: &State, actions: &mut Vec<Action>) {
        match &state.fill {
            None if state.fills < self.fills_max => {
                actions.extend(State::servers(self.scheme).iter().map(|server| Action::BeginFill(*server)));
            }
            None => {}
            Some(fill) => actions.push(match (self.scheme, &fill.snapshot, &fill.content) {
                (_, Some(_), Some(_)) => Action::Put,
                (Scheme::SnapshotLater, None, Some(_)) => Action::ReadSnapshot,
                (Scheme::SnapshotLater, ..) => Action::ReadContent,
                (Scheme::SnapshotEarlier, Some(_), None) => Action::ReadContent,
                (Scheme::SnapshotEarlier, ..) => Action::ReadSnapshot,
                _ => Action::ReadBoth,
            }),
        }
        // What is read twice alike needs no token: another entry has to come.
        let comes = state.fill.is_some() || state.fills < self.fills_max;
        let served = |entry: &Entry| state.serves(entry, None, self.scheme);
        if comes && state.read.is_none() && state.entry.as_ref().is_some_and(served) {
            actions.push(Action::Serve);
        }
    }
}

impl State {
    fn take(&mut self, action: Action, scheme: Scheme) {
        match action {
            Action::Begin(writer) => self.postgres.begin(writer),
            Action::Log(writer) => self.advance(writer, |postgres, xid| postgres.log(writer, xid)),
            Action::Show(writer) => {
                self.advance(writer, |postgres, xid| postgres.writers[writer] = Stage::Visible(xid));
            }
            Action::Answer(writer) => self.answer(writer, scheme),
            Action::Replay => self.postgres.replay(),
            Action::Failover => {
                self.failovers += 1;
                self.postgres.fail_over();
            }
            Action::Reference => self.postgres.reference = Some(self.postgres.says(Server::Primary)),
            Action::Clean => {
                self.cleanings += 1;
                if let Some(reference) = self.postgres.reference.take() {
                    self.postgres.cleaned = reference.xmin();
                }
            }
            Action::AskPoll => {
                self.polls += 1;
                self.feed.ask(&self.postgres);
            }
            Action::AnswerPoll => self.feed.answer(&self.postgres, scheme),
            Action::HearPoll => {
                if self.feed.hear(scheme) && scheme == Scheme::DeleteOnWrite {
                    self.entry = None;
                }
            }
            Action::BeginFill(server) => {
                self.fills += 1;
                self.fill = Some(Fill { server, epoch: self.feed.epoch, snapshot: None, content: None });
            }
            Action::ReadSnapshot => self.read_snapshot(),
            Action::ReadContent => self.read_content(),
            Action::ReadBoth => {
                self.read_snapshot();
                self.read_content();
            }
            Action::Put => self.put(scheme),
            Action::Serve => {
                self.read = self.entry.as_ref().map(|entry| (entry.token(scheme), entry.content));
            }
            Action::Restart => {
                self.restarts += 1;
                self.feed = Feed::new(&self.postgres, scheme);
                self.fill = None;
            }
        }
    }

    fn advance(&mut self, writer: usize, step: impl FnOnce(&mut Postgres, u64)) {
        if let Some(xid) = self.postgres.writers[writer].xid() {
            step(&mut self.postgres, xid);
        }
    }

    fn answer(&mut self, writer: usize, scheme: Scheme) {
        let Some(xid) = self.postgres.writers[writer].xid() else { return };
        self.postgres.writers[writer] = Stage::Answered(xid);
        if writer == OURS {
            self.feed.wrote(writer, self.postgres.life, Xid(xid), scheme);
            if scheme == Scheme::DeleteOnWrite {
                self.entry = None;
            }
        }
    }

    fn read_snapshot(&mut self) {
        let Some(fill) = &mut self.fill else { return };
        let (seen, wal) = (self.postgres.seen(fill.server), self.postgres.wal(fill.server));
        fill.snapshot = Some(Read { seen, wal });
    }

    fn read_content(&mut self) {
        let Some(fill) = &mut self.fill else { return };
        fill.content = Some(self.postgres.content(fill.server));
    }

    /// Whatever was there before.
    fn put(&mut self, scheme: Scheme) {
        let Some(Fill { epoch, snapshot: Some(read), content: Some(content), .. }) = self.fill.take() else {
            return;
        };
        let epoch = if scheme == Scheme::EpochOfPut { self.feed.epoch } else { epoch };
        self.entry = Some(Entry { epoch, read, content });
    }
}
