//! Two looks around a run's statements → what their rows were read with.
//!
//! Without a transaction of its own every statement of a run takes its own snapshot, and none shows less than the one before
//! it. So what was visible before the rows were read is visible in them, and nothing is that is not visible after. A
//! snapshot as one more column would be exact, and cost every row; as a transaction it would cost BEGIN, COMMIT, and
//! locks against DDL.

use super::error::Error;
use super::rows::Rows;
use super::session::{Mode, Seen};
use super::settings::Role;
use crate::sql::{Statement, oid};

/// A standby's own snapshot with what was in progress still when this was asked, which is after it was taken: that was not
/// visible in it. `pg_current_snapshot()` leaves the list empty there. Of very many only the oldest are looked at, since those
/// in progress for long are among them; the others pass for visible, as without a list.
const OF_STANDBY: &str = "(SELECT pg_catalog.concat(pg_catalog.pg_snapshot_xmin(s), ':', pg_catalog.pg_snapshot_xmax(s), ':', \
    (SELECT pg_catalog.string_agg(x::text, ',' ORDER BY x) FROM pg_catalog.generate_series(\
        pg_catalog.pg_snapshot_xmin(s)::text::int8, \
        LEAST(pg_catalog.pg_snapshot_xmax(s)::text::int8, pg_catalog.pg_snapshot_xmin(s)::text::int8 + 64) - 1) x \
    WHERE pg_catalog.pg_xact_status(x::text::xid8) = 'in progress')) \
    FROM pg_catalog.pg_current_snapshot() s)";

/// The two looks of a run.
#[derive(Debug)]
pub(super) struct Looks {
    /// Also asks for the witness, when there is one.
    pub first: Statement,
    pub last: Statement,
    pub witness: bool,
}

impl Looks {
    /// `witness` is an expression of SQL.
    pub fn new(role: Role, witness: Option<&str>) -> Looks {
        let (first, last) = (look(role, witness), look(role, None));
        Looks { first, last, witness: witness.is_some() }
    }
}

fn look(role: Role, witness: Option<&str>) -> Statement {
    let witness = witness.unwrap_or("NULL");
    let snapshot = match role {
        Role::Standby => OF_STANDBY,
        Role::Any | Role::Primary => "pg_catalog.pg_current_snapshot()::text",
    };
    let text = format!("SELECT {snapshot}, pg_catalog.pg_is_in_recovery(), ({witness})::text");
    Statement::own(text, [oid::TEXT, oid::BOOL, oid::TEXT])
}

/// Takes the looks off the run's rows. None when the run was cut before the last one, or when the server was
/// promoted in between. An error when the server is not in the role that it has to be in.
pub(super) fn take(rows: &mut Vec<Rows>, mode: Mode, role: Role) -> Result<Option<Seen>, Error> {
    let first = said(&rows.remove(0));
    let last = match mode {
        Mode::Single => rows.pop().as_ref().and_then(said),
        Mode::Snapshot => first.clone(),
    };
    for said in first.iter().chain(&last) {
        role.check(said.standby)?;
    }
    let Some((first, last)) = first.zip(last) else { return Ok(None) };
    let Said { snapshot, standby, witness } = first;
    Ok((last.standby == standby).then_some(Seen { first: snapshot, last: last.snapshot, standby, witness }))
}

#[derive(Clone)]
struct Said {
    snapshot: String,
    standby: bool,
    witness: Option<String>,
}

fn said(rows: &Rows) -> Option<Said> {
    let row = rows.row(0)?;
    let text = |column| Some(std::str::from_utf8(row.get(column)?).ok()?.to_owned());
    Some(Said { snapshot: text(0)?, standby: row.get(1)? == [1], witness: text(2) })
}
