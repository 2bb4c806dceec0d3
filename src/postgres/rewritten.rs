//! Tables that DDL wrote anew since a snapshot was taken → an error in place of the rows that are missing.
//!
//! What a transaction has read it has locked, whichever views, policies and functions led there, and
//! nobody writes it anew until the transaction ends. So behind the statements of a run, `pg_locks`
//! names all that they read; `pg_class` shows where the rows were by the snapshot, and
//! `pg_relation_filenode` where they are.

use super::error::Error;
use super::rows::Rows;
use crate::sql::{Statement, oid};

/// Mapped tables, which are Postgres' own, have no file by `pg_class`, and so have views.
const CHECK: &str = "SELECT count(*) FROM pg_catalog.pg_locks l \
    LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation \
    WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() \
    AND (c.oid IS NULL OR c.relfilenode <> 0 \
        AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid))";

/// The last statement of a run.
pub(super) fn check() -> Statement {
    Statement::own(CHECK, [oid::INT8])
}

/// Takes the check's answer off the run's. A run that was cut, be it in the check, is no answer.
pub(super) fn found(rows: &mut Vec<Rows>) -> Option<Error> {
    let checked = rows.pop()?;
    let count = checked.row(0).and_then(|row| row.get(0)?.try_into().ok()).map(i64::from_be_bytes);
    match count {
        Some(0) => None,
        None if checked.cut => {
            rows.last_mut()?.cut = true;
            None
        }
        _ => Some(Error::CatalogChanged("a table was written anew while it was read".to_owned())),
    }
}
