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

const LOOK: &str = "SELECT pg_catalog.pg_current_snapshot()::text, pg_catalog.pg_is_in_recovery()";

pub(super) fn look() -> Statement {
    Statement { text: LOOK.into(), params: Vec::new(), columns: [oid::TEXT, oid::BOOL].into() }
}

/// Takes the looks off the run's rows. None when the run was cut before the last one, or when the server was
/// promoted in between. An error when the server is not in the role that it has to be in.
pub(super) fn take(rows: &mut Vec<Rows>, mode: Mode, role: Role) -> Result<Option<Seen>, Error> {
    let first = said(&rows.remove(0));
    let last = match mode {
        Mode::Single => rows.pop().as_ref().and_then(said),
        Mode::Snapshot => first.clone(),
    };
    for (_, standby) in first.iter().chain(&last) {
        role.check(*standby)?;
    }
    let Some(((first, standby), (last, still))) = first.zip(last) else { return Ok(None) };
    Ok((still == standby).then_some(Seen { first, last, standby }))
}

fn said(rows: &Rows) -> Option<(String, bool)> {
    let row = rows.row(0)?;
    let text = std::str::from_utf8(row.get(0)?).ok()?;
    Some((text.to_owned(), row.get(1)? == [1]))
}
