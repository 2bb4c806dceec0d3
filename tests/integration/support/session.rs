//! What tests of `postgres` say over and over: a statement, a session, a state to wait for.

use std::time::{Duration, Instant};

use rowcall::postgres::{
    Ending, Error, Limit, Mode, Postgres, Session, Settings, Sight, StatementTimeout, Want,
};
use rowcall::sql::{Param, Statement};

use super::Database;

/// What is waited for on a busy machine, behind others' transactions too.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn statement(text: &str, params: &[(u32, &[u8])], columns: &[u32]) -> Statement {
    let param = |(oid, value): &(u32, &[u8])| Param { oid: *oid, value: Some(value.to_vec().into()) };
    Statement { params: params.iter().map(param).collect(), ..Statement::own(text, columns) }
}

pub fn want(mode: Mode) -> Want {
    let deadline = Instant::now() + Duration::from_secs(20);
    Want { deadline, mode, statement_timeout: StatementTimeout::Net, sight: Sight::Untold }
}

pub fn within(milliseconds: u64) -> Want {
    Want { deadline: Instant::now() + Duration::from_millis(milliseconds), ..want(Mode::Single) }
}

pub fn postgres(url: &str, change: impl FnOnce(&mut Settings)) -> Postgres {
    let mut settings = Settings { url: url.to_owned(), ..Settings::default() };
    change(&mut settings);
    Postgres::new(settings).expect("the URL is good")
}

pub async fn run(session: &mut Session, text: &str, columns: &[u32]) -> Result<Vec<Vec<u8>>, Error> {
    let rows = session.run(&[statement(text, &[], columns)], Ending::Last, Limit::default()).await?;
    Ok(rows[0].iter().map(|row| row.get(0).unwrap_or_default().to_vec()).collect())
}

/// Waits until a session is refused with such an error. Before, a pooled connection may be given whose end was not met yet, and
/// another error be met.
pub async fn until_refused(postgres: &Postgres, such: impl Fn(&Error) -> bool) {
    let late = Instant::now() + PATIENCE;
    loop {
        let asked = postgres.session(want(Mode::Single)).await.map(|_| "a session");
        if asked.as_ref().is_err_and(&such) {
            return;
        }
        assert!(Instant::now() < late, "{asked:?}");
        tokio::task::yield_now().await;
    }
}

/// Waits until Postgres says so: the state is there, not the time.
pub async fn until(database: &Database, sql: &str) {
    let client = database.client().await;
    let late = Instant::now() + PATIENCE;
    while !client.query_one(sql, &[]).await.expect("the test's own SQL").get::<_, bool>(0) {
        assert!(Instant::now() < late, "never true: {sql}");
    }
}

/// Waits until plans that are made now are known to be from after all that made the tables: others' transactions, of any
/// database, hold the proof back.
pub async fn settled(database: &Database) {
    let over = "SELECT max(xmin::text::int8) < pg_snapshot_xmin(pg_current_snapshot())::text::int8 \
        FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    until(database, over).await;
}
