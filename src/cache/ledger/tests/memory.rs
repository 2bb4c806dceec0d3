//! Any course of a database and its feed → the ledger's verdicts beside those of a memory that forgets nothing.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const KEYS: u8 = 3;

/// What can happen, with numbers that choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Begin,
    /// A running transaction that wrote the key is over and visible.
    Commit(usize, u8),
    /// The same through this process, which says so.
    Write(usize, u8),
    Abort(usize),
    /// A poll is answered, unless one is under way.
    Ask,
    Hear,
    Gap,
    Move,
    /// An entry read with one of the last snapshots.
    Fill(usize, u8),
    FillFromStandby(usize, u8),
    Judge,
}

#[derive(Debug)]
struct Course {
    feed: Feed,
    next: u64,
    running: Vec<u64>,
    /// Highest that is over.
    over: u64,
    committed: Vec<(Xid, u8)>,
    own: BTreeSet<Xid>,
    /// Answered and not heard yet.
    asked: Option<Poll>,
    snapshots: Vec<Snapshot>,
    /// The lowest snapshot an entry of the table may have.
    moved: Option<Snapshot>,
    entries: Vec<(Label, u8)>,
    /// Limits are large, and there was no gap and no move.
    forgets_nothing: bool,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.ledger.fmt(f)
    }
}

fn tags(key: u8) -> [Tag; 3] {
    Tag::of_get(TABLE, &[key])
}

impl Course {
    fn new(limits: Limits, forgets_nothing: bool) -> Self {
        Course {
            feed: Feed::new(limits),
            forgets_nothing,
            next: 100,
            running: Vec::new(),
            over: 99,
            committed: Vec::new(),
            own: BTreeSet::new(),
            asked: None,
            snapshots: vec![snapshot("100:100:")],
            moved: None,
            entries: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Begin => {
                self.running.push(self.next);
                self.next += 1;
            }
            Step::Commit(which, key) => {
                self.commit(which, key);
            }
            Step::Write(which, key) => {
                if let Some(xid) = self.commit(which, key) {
                    self.own.insert(xid);
                    self.feed.ledger.wrote(EPOCH, xid, &Tag::touched_by_row(TABLE, &[key]));
                }
            }
            Step::Abort(which) => {
                self.end(which);
            }
            Step::Ask => {
                let (asked, snapshot) = (self.feed.asked(), self.now());
                let touched = |(xid, key): &(Xid, u8)| (*xid, Tag::touched_by_row(TABLE, &[*key]).to_vec());
                let unheard = self.committed.iter().filter(|(xid, _)| !asked.since().sees(*xid));
                let changes = unheard.map(touched).collect();
                let poll = Poll { asked: asked.clone(), snapshot, changes };
                self.asked.get_or_insert(poll);
            }
            Step::Hear => {
                if let Some(poll) = self.asked.take() {
                    self.feed.ledger.heard(poll).expect("it follows");
                }
            }
            Step::Gap => {
                self.asked = None;
                self.feed.ledger.gap(&self.feed.asked(), self.now()).expect("it follows");
            }
            Step::Move => {
                self.moved = Some(self.now());
                self.feed.ledger.moved(TABLE, &self.now(), None);
            }
            Step::Fill(back, key) => self.fill(key, Seen::exactly(self.past(back))),
            Step::FillFromStandby(back, key) => {
                let past = self.past(back);
                let said = format!("{}:{}:", past.xmin().0, past.xmax().0);
                self.fill(key, Seen::of_standby(&said, &said).expect("a snapshot"));
            }
            Step::Judge => return self.compare(),
        }
        Ok(())
    }

    fn commit(&mut self, which: usize, key: u8) -> Option<Xid> {
        let xid = self.end(which)?;
        self.committed.push((xid, key));
        Some(xid)
    }

    fn end(&mut self, which: usize) -> Option<Xid> {
        if self.running.is_empty() {
            return None;
        }
        let xid = self.running.remove(which % self.running.len());
        self.over = self.over.max(xid);
        self.snapshots.push(self.now());
        Some(Xid(xid))
    }

    fn now(&self) -> Snapshot {
        let running: Vec<Xid> =
            self.running.iter().filter(|xid| **xid < self.over).copied().map(Xid).collect();
        let xmax = Xid(self.over + 1);
        Snapshot::new(running.first().copied().unwrap_or(xmax), xmax, running).expect("the running ascend")
    }

    fn past(&self, back: usize) -> Snapshot {
        let last = self.snapshots.len() - 1;
        self.snapshots[last - back.min(last)].clone()
    }

    fn fill(&mut self, key: u8, seen: Seen) {
        self.entries.push((Label::new(EPOCH, seen, tags(key)).expect("it has tags"), key));
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let asked = self.feed.asked();
        let complete = asked.since();
        for (label, key) in &self.entries {
            let sees = |xid: &Xid| label.seen().least().sees(*xid);
            let known = |xid: &Xid| complete.sees(*xid) || self.own.contains(xid);
            let fresh = self.committed.iter().all(|(xid, of)| of != key || !known(xid) || sees(xid));
            let moved = self.moved.as_ref().is_some_and(|moved| !moved.within(label.seen().least()));
            let verdict = self.feed.judge(label);
            prop_assert!(verdict != Verdict::Good || fresh, "stale was served: {:?}", label);
            prop_assert!(verdict != Verdict::Good || !moved, "from before the move: {:?}", label);
            prop_assert!(
                !self.forgets_nothing || (verdict == Verdict::Good) == fresh,
                "{:?}: {:?}",
                verdict,
                label
            );
            if verdict == Verdict::Stale {
                prop_assert!(!fresh, "fresh was called stale: {:?}", label);
            }
        }
        Ok(())
    }
}

fn step() -> BoxedStrategy<Step> {
    let (which, back, key) = (0..4usize, 0..6usize, 0..KEYS);
    prop_oneof![
        3 => Just(Step::Begin),
        2 => (which.clone(), key.clone()).prop_map(|(which, key)| Step::Commit(which, key)),
        2 => (which.clone(), key.clone()).prop_map(|(which, key)| Step::Write(which, key)),
        1 => which.prop_map(Step::Abort),
        2 => Just(Step::Ask),
        2 => Just(Step::Hear),
        2 => (back.clone(), key.clone()).prop_map(|(back, key)| Step::Fill(back, key)),
        1 => (back, key).prop_map(|(back, key)| Step::FillFromStandby(back, key)),
        3 => Just(Step::Judge),
    ]
    .boxed()
}

fn step_or_loss() -> BoxedStrategy<Step> {
    prop_oneof![30 => step(), 1 => Just(Step::Gap), 1 => Just(Step::Move)].boxed()
}

fn walk(mut course: Course, steps: &[Step]) -> Result<Course, TestCaseError> {
    for step in steps {
        course.take(step)?;
    }
    course.compare()?;
    Ok(course)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn with_room_the_verdict_is_the_rules(steps in vec(step(), 0..200)) {
        walk(Course::new(Limits::default(), true), &steps)?;
    }

    #[test]
    fn without_room_nothing_stale_is_served(
        steps in vec(step_or_loss(), 0..200),
        tags_max in 0usize..12,
        xids_max in 0usize..24,
    ) {
        let course = walk(Course::new(Limits { tags_max, xids_max }, false), &steps)?;
        let size = course.feed.ledger.size();
        // Own writes that no poll saw yet may stand in both generations.
        prop_assert!(size.tags <= 2 * tags_max && size.xids <= 2 * xids_max, "{:?}", size);
    }
}
