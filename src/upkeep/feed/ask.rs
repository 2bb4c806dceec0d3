//! What is asked on the feed's own connection.

use std::time::Instant;

use bytes::Bytes;

use super::{Error, Follow, State};
use crate::cache::{Asked, Xid};
use crate::feed::Why;
use crate::feed::poll::{self, Answer, Question, System};
use crate::postgres::{self, Ending, Limit, Mode, Rows, Sight, StatementTimeout, Want};
use crate::sql::{Param, Statement, oid};

/// Whether there is a feed.
pub enum Look {
    There(System),
    Not(Why),
}

/// Asked of the catalog, where a missing schema is no error that the server would log each time.
const LOOK: &str = "SELECT \
    coalesce((SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
        AND coalesce(pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, 'SELECT')), false) \
        FROM pg_catalog.pg_namespace n \
        LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r' \
        WHERE n.nspname = 'rowcall' GROUP BY n.oid)::text, 'none'), \
    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'), \
    pg_catalog.pg_is_in_recovery()";

const INT4: u32 = 23;
const FLOAT8: u32 = 701;
const UUID: u32 = 2950;

impl Follow {
    pub(super) async fn look(&self) -> Result<Look, Error> {
        let look = Statement::own(LOOK, [oid::TEXT, oid::BOOL, oid::BOOL]);
        let rows = self.execute(&[look], Limit::default()).await?;
        let row = rows.last().and_then(|rows| rows.row(0));
        let column = |at: usize| row.and_then(|row| row.get(at));
        if column(2) != Some(&[0]) {
            return Err(Error::Recovery);
        }
        let system = if column(1) == Some(&[1]) { System::Control } else { System::Identity };
        Ok(match column(0) {
            Some(b"true") => Look::There(system),
            Some(b"false") => Look::Not(Why::Denied),
            _ => Look::Not(Why::NotInstalled),
        })
    }

    pub(super) async fn ask(&self, system: System, asked: &Asked, state: &State) -> Result<Answer, Error> {
        let changes_max = self.settings.changes_max;
        let none = || postgres::Error::Protocol("there is no answer".to_owned());
        if state.resting && !state.digest.is_empty() {
            let rows = self.execute(&[poll::rest(system)], Limit::default()).await?;
            let answer = poll::read(rows.last().ok_or_else(none)?, changes_max)?;
            if answer.snapshot == *asked.since() {
                return Ok(answer);
            }
        }
        let question = Question {
            system,
            since: asked.since(),
            tables: &state.watched.tables,
            digest: &state.digest,
            changes_max,
            plans_since: Xid(state.plans.read_since),
        };
        let limit = Limit { bytes_max: self.settings.bytes_max };
        let rows = self.execute(&[poll::plainly(), poll::statement(&question)], limit).await?;
        Ok(poll::read(rows.last().ok_or_else(none)?, changes_max)?)
    }

    /// Names a life of the database: the first one, or the one after `ended`.
    pub(super) async fn begin_epoch(&self, ended: Option<String>) -> Result<(), Error> {
        let ended = ended.and_then(|text| u128::from_str_radix(&text.replace('-', ""), 16).ok());
        let ended = ended.map(|uuid| Bytes::copy_from_slice(&uuid.to_be_bytes()));
        let begin = Statement {
            text: "SELECT rowcall.begin_epoch($1)::text".into(),
            params: vec![Param { oid: UUID, value: ended }],
            columns: [oid::TEXT].into(),
            about: None,
        };
        self.execute(&[begin], Limit::default()).await?;
        Ok(())
    }

    /// Forgets what every instance has heard of long ago; one instance at a time does.
    pub(super) async fn clean(&self, state: &mut State) {
        let rows_max = i32::try_from(self.settings.clean_rows_max).unwrap_or(i32::MAX);
        let number = |bytes: &[u8]| Some(Bytes::copy_from_slice(bytes));
        let clean = Statement {
            text: "SELECT rowcall.clean(pg_catalog.make_interval(secs => $1), $2)".into(),
            params: vec![
                Param { oid: FLOAT8, value: number(&self.settings.keep.as_secs_f64().to_be_bytes()) },
                Param { oid: INT4, value: number(&rows_max.to_be_bytes()) },
            ],
            columns: [INT4].into(),
            about: None,
        };
        match self.execute(&[poll::plainly(), clean], Limit::default()).await {
            Ok(rows) => {
                let gone =
                    rows.last().and_then(|rows| rows.row(0)?.get(0)?.try_into().ok()).map(i32::from_be_bytes);
                // With more to do it goes on after the next poll.
                if gone.is_none_or(|gone| gone < rows_max) {
                    state.clean_at = Instant::now() + self.settings.clean_interval;
                }
            }
            Err(error) => {
                state.clean_at = Instant::now() + self.settings.clean_interval;
                tracing::warn!("old changes cannot be forgotten: {error}");
            }
        }
    }

    async fn execute(&self, statements: &[Statement], limit: Limit) -> Result<Vec<Rows>, postgres::Error> {
        let want = Want {
            deadline: Instant::now() + self.settings.poll_max,
            mode: Mode::Single,
            statement_timeout: StatementTimeout::Net,
            sight: Sight::Untold,
        };
        self.postgres.session(want).await?.run(statements, Ending::Last, limit).await
    }
}
