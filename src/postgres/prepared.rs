//! A statement's text → how this connection runs it: unnamed the first time, prepared from the second on.
//!
//! A name is made from the text, so that even behind a pooler that mixes up sessions a name never
//! stands for another text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::catalog::Oid;
use crate::sql::Statement;

/// The statements a connection knows, at most `max`, least recently used first out.
pub(super) struct Prepared {
    known: HashMap<Arc<str>, Known>,
    max: usize,
    clock: u64,
    /// What was used later belongs to the pipeline that is being made, and stays.
    begun: u64,
}

struct Known {
    name: Arc<str>,
    used: u64,
    /// The parameters' types it was sent with, or is to be; DDL may give the same text others.
    params: Box<[Oid]>,
    state: State,
}

enum State {
    /// Met once, not prepared.
    Seen,
    /// Sent to be prepared; the answer may never have been read.
    Asked,
    /// Prepared, with a result of these types.
    Prepared(Arc<[Oid]>),
}

/// How to run a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Unnamed,
    /// Prepare under this name, which may be in use.
    Prepare(Arc<str>),
    Ready(Arc<str>),
}

impl Prepared {
    pub fn new(max: usize) -> Prepared {
        Prepared { known: HashMap::new(), max, clock: 0, begun: 0 }
    }

    /// A pipeline is being made.
    pub fn begin(&mut self) {
        self.begun = self.clock;
    }

    /// Decides, and names a prepared statement that is to be closed to make room.
    pub fn plan(&mut self, statement: &Statement) -> (Plan, Option<Arc<str>>) {
        if self.max == 0 {
            return (Plan::Unnamed, None);
        }
        self.clock += 1;
        let params = || statement.params.iter().map(|param| param.oid);
        if let Some(known) = self.known.get_mut(&statement.text) {
            let sibling = known.used > self.begun;
            known.used = self.clock;
            let name = known.name.clone();
            let same = known.params.iter().copied().eq(params());
            return match &known.state {
                State::Prepared(columns)
                    if same && (statement.columns.is_empty() || **columns == *statement.columns) =>
                {
                    (Plan::Ready(name), None)
                }
                // Its sibling prepares it.
                State::Asked if sibling && same => (Plan::Ready(name), None),
                // What a sibling runs is left as that one needs it. It runs unnamed the first time,
                // too, so that in one pipeline only a preparation can be answered as one.
                _ if sibling => (Plan::Unnamed, None),
                _ => {
                    known.params = params().collect();
                    known.state = State::Asked;
                    (Plan::Prepare(name), None)
                }
            };
        }
        let mut evicted = None;
        if self.known.len() >= self.max {
            match self.evict() {
                Some(known) => evicted = (!matches!(known.state, State::Seen)).then_some(known.name),
                None => return (Plan::Unnamed, None),
            }
        }
        let name = name(&statement.text);
        let known = Known { name, used: self.clock, params: params().collect(), state: State::Seen };
        self.known.insert(statement.text.clone(), known);
        (Plan::Unnamed, evicted)
    }

    /// The server has prepared the statement, and its result has these types.
    pub fn answered(&mut self, statement: &Statement, columns: &[Oid]) {
        if let Some(known) = self.known.get_mut(&statement.text)
            && matches!(known.state, State::Asked)
        {
            known.state = State::Prepared(columns.into());
        }
    }

    /// The server's preparation is not what it was: prepare again.
    pub fn forget(&mut self, statement: &Statement) {
        if let Some(known) = self.known.get_mut(&statement.text) {
            known.state = State::Asked;
        }
    }

    fn evict(&mut self) -> Option<Known> {
        let (oldest, known) = self.known.iter().min_by_key(|(_, known)| known.used)?;
        let oldest = (known.used <= self.begun).then(|| oldest.clone())?;
        self.known.remove(&oldest)
    }
}

fn name(text: &str) -> Arc<str> {
    let digest = Sha256::digest(text);
    let mut name = "rowcall_".to_owned();
    for byte in &digest[..16] {
        // Writing into a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Param;

    fn statement(text: &str, columns: &[Oid]) -> Statement {
        Statement::own(text, columns)
    }

    fn next(prepared: &mut Prepared, statement: &Statement) -> Plan {
        prepared.begin();
        prepared.plan(statement).0
    }

    #[test]
    fn a_shape_is_prepared_at_its_second_use() {
        let mut prepared = Prepared::new(2);
        let one = statement("SELECT 1", &[23]);
        assert_eq!(next(&mut prepared, &one), Plan::Unnamed);
        let Plan::Prepare(name) = next(&mut prepared, &one) else { panic!("prepared") };
        prepared.answered(&one, &[23]);
        assert_eq!(next(&mut prepared, &one), Plan::Ready(name.clone()));
        // The same text for a plan that expects another type is looked at again.
        assert_eq!(next(&mut prepared, &statement("SELECT 1", &[20])), Plan::Prepare(name));
    }

    #[test]
    fn parameters_of_other_types_are_another_preparation() {
        let mut prepared = Prepared::new(2);
        let [int4, int8] = [23, 20].map(|oid| Statement {
            params: vec![Param { oid, value: None }],
            ..statement("SELECT a FROM t WHERE id = $1", &[25])
        });
        next(&mut prepared, &int4);
        let Plan::Prepare(name) = next(&mut prepared, &int4) else { panic!("prepared") };
        prepared.answered(&int4, &[25]);
        assert_eq!(next(&mut prepared, &int8), Plan::Prepare(name.clone()));
        prepared.answered(&int8, &[25]);
        assert_eq!(next(&mut prepared, &int8), Plan::Ready(name));
        // In one pipeline a name stands for one of them.
        assert_eq!(prepared.plan(&int4), (Plan::Unnamed, None));
    }

    #[test]
    fn what_a_failed_pipeline_did_not_prepare_is_not_remembered_as_prepared() {
        let mut prepared = Prepared::new(2);
        let one = statement("SELECT 1", &[23]);
        prepared.begin();
        // Siblings that are alike: were the second prepared, the first's answer would pass for its own.
        assert_eq!(prepared.plan(&one), (Plan::Unnamed, None));
        assert_eq!(prepared.plan(&one), (Plan::Unnamed, None));
        prepared.answered(&one, &[23]);
        let Plan::Prepare(name) = next(&mut prepared, &one) else { panic!("prepared") };
        assert_eq!(prepared.plan(&one), (Plan::Ready(name.clone()), None));
        // The pipeline failed before the server came to it.
        assert_eq!(next(&mut prepared, &one), Plan::Prepare(name));
    }

    #[test]
    fn the_least_recently_used_makes_room() {
        let mut prepared = Prepared::new(2);
        let [one, two, three] = ["one", "two", "three"].map(|text| statement(text, &[]));
        next(&mut prepared, &one);
        prepared.begin();
        for statement in [&one, &two] {
            prepared.plan(statement);
        }
        // All of them are in one pipeline: none makes room for a sibling.
        assert_eq!(prepared.plan(&three), (Plan::Unnamed, None));
        prepared.begin();
        assert_eq!(prepared.plan(&three), (Plan::Unnamed, Some(name(&one.text))));
        prepared.begin();
        // `two` was only seen: nothing is to be closed.
        assert_eq!(prepared.plan(&one), (Plan::Unnamed, None));
    }
}
