//! Sessions: rows, deadlines, cancels, snapshots, limits.

use std::time::{Duration, Instant};

use rowcall::contract::options::Reason;
use rowcall::postgres::{Ending, Error, Limit, Mode, Sight, StatementTimeout, Want};

use crate::support::session::{postgres, run, statement, until, want, within};
use crate::support::{CHINOOK, EMPTY, database};

#[tokio::test]
async fn columns_come_as_postgres_sends_them() {
    let database = database(CHINOOK).await;
    let postgres = postgres(&database.url, |_| {});
    for _ in 0..3 {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        let siblings = [
            statement(
                "SELECT track_id, composer, name FROM track WHERE track_id = $1 OR track_id = $2 ORDER BY 1",
                &[(23, &2i32.to_be_bytes()), (23, &1i32.to_be_bytes())],
                &[23, 1043, 1043],
            ),
            statement("SELECT count(*) FROM genre", &[], &[20]),
        ];
        let rows = session.run(&siblings, Ending::Last, Limit::default()).await.unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].len(), 2);
        let second = rows[0].row(1).unwrap();
        assert_eq!(second.get(0), Some(&2i32.to_be_bytes()[..]));
        assert_eq!(
            second.get(1),
            Some(&b"U. Dirkschneider, W. Hoffmann, H. Frank, P. Baltes, S. Kaufmann, G. Hoffmann"[..])
        );
        assert_eq!(second.get(2), Some(&b"Balls to the Wall"[..]));
        assert_eq!(rows[1].row(0).unwrap().get(0), Some(&25i64.to_be_bytes()[..]));
    }
}

#[tokio::test]
async fn catalog_answers_are_json_and_types_are_described() {
    let database = database(CHINOOK).await;
    let postgres = postgres(&database.url, |_| {});
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let value = session.json("SELECT json_agg(name ORDER BY genre_id) FROM genre").await.unwrap();
    assert_eq!(value[0], "Rock");
    let described = session.describe("SELECT name, track_id FROM track WHERE track_id > $1").await.unwrap();
    assert_eq!(described.params, [23]);
    assert_eq!(described.columns, [("name".to_owned(), 1043), ("track_id".to_owned(), 23)]);
    let error = session.describe("SELECT nothing FROM track").await.unwrap_err();
    assert!(matches!(error, Error::CatalogChanged(_)), "{error:?}");
    // The session goes on after an error of Postgres'.
    assert_eq!(session.json("SELECT '7'::json").await.unwrap(), 7);
}

#[tokio::test]
async fn sessions_are_read_only_and_text_is_the_same_everywhere() {
    let database = database(CHINOOK).await;
    database.execute(&format!("ALTER DATABASE {} SET DateStyle = 'German'", database.name)).await;
    let postgres = postgres(&database.url, |_| {});
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let error = run(&mut session, "DELETE FROM genre RETURNING 1", &[]).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ResourceUnfit, "25006: {error:?}");
    let sql = "SELECT invoice_date::text FROM invoice ORDER BY invoice_id LIMIT 1";
    assert_eq!(run(&mut session, sql, &[25]).await.unwrap(), [b"2021-01-01 00:00:00"]);
}

#[tokio::test]
async fn a_setting_left_behind_ends_its_connection() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let ask = async |sql: &str| {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        run(&mut session, sql, &[25]).await.unwrap()
    };
    let process = "SELECT pg_backend_pid()::text";
    let first = ask(process).await;
    // Of the run alone, and set back.
    ask("SELECT set_config('TimeZone', 'Asia/Tokyo', true)").await;
    assert_eq!(ask(process).await, first);
    for left in [
        "SELECT set_config('TimeZone', 'Asia/Tokyo', false)",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
    ] {
        ask(left).await;
        let shown =
            ask("SELECT current_setting('TimeZone') || current_setting('default_transaction_read_only')");
        assert_eq!(shown.await, [b"UTCon"], "{left}");
    }
    assert_ne!(ask(process).await, first);
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_the_statement() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    // What it takes to connect is no part of it.
    drop(postgres.session(want(Mode::Single)).await.unwrap());
    let begun = Instant::now();
    let mut session = postgres.session(within(200)).await.unwrap();
    let error = run(&mut session, "SELECT pg_sleep(30)::text", &[]).await.unwrap_err();
    assert!(matches!(error, Error::DeadlinePassed), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(session);
    until(&database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'rowcall' AND datname = current_database() AND state = 'active')").await;
}

#[tokio::test]
async fn the_server_keeps_a_deadline_when_told_to() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    let want = Want { statement_timeout: StatementTimeout::PerCall, ..within(3_000) };
    let mut session = postgres.session(want).await.unwrap();
    let set = run(&mut session, "SELECT current_setting('statement_timeout')", &[]).await.unwrap();
    let set = String::from_utf8(set[0].clone()).unwrap();
    let milliseconds: u32 = set.trim_end_matches("ms").trim_end_matches('s').parse().unwrap();
    // A little later than ours.
    assert!(milliseconds <= 3_020, "{set}");
    drop(session);
    let mut session = postgres.session(self::want(Mode::Single)).await.unwrap();
    let set = run(&mut session, "SELECT current_setting('statement_timeout')", &[]).await.unwrap();
    assert_eq!(set, [b"1min"]);
}

#[tokio::test]
async fn a_caller_that_leaves_takes_its_query_along() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let task = tokio::spawn({
        let postgres = postgres.clone();
        async move {
            let mut session = postgres.session(want(Mode::Snapshot)).await.unwrap();
            run(&mut session, "SELECT pg_sleep(300)::text", &[]).await
        }
    });
    let sleeping = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(300)%' AND state = 'active' AND datname = current_database())";
    until(&database, sleeping).await;
    task.abort();
    until(&database, &sleeping.replace("SELECT EXISTS", "SELECT NOT EXISTS")).await;
    // The one connection is back, out of its transaction, and good.
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, "SELECT 'here'", &[25]).await.unwrap(), [b"here"]);
}

#[tokio::test]
async fn someone_elses_cancel_is_told_from_ours() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    let task = tokio::spawn({
        let postgres = postgres.clone();
        async move {
            let mut session = postgres.session(want(Mode::Single)).await.unwrap();
            run(&mut session, "SELECT pg_sleep(301)::text", &[]).await
        }
    });
    until(&database, "SELECT coalesce(bool_or(pg_cancel_backend(pid)), false) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(301)%' AND state = 'active' AND pid <> pg_backend_pid()").await;
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error:?}");
}

#[tokio::test]
async fn someone_elses_cancel_just_before_the_deadline_is_no_deadline() {
    const SHORT: Duration = Duration::from_millis(15);
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |_| {});
    let (mut cancelled, late) = (0, Instant::now() + Duration::from_secs(60));
    while cancelled < 50 {
        assert!(Instant::now() < late, "only {cancelled} cancels came before their deadlines");
        let deadline = Instant::now() + SHORT;
        let per_call = StatementTimeout::PerCall;
        let session = postgres.session(Want {
            deadline,
            statement_timeout: per_call,
            mode: Mode::Single,
            sight: Sight::Untold,
        });
        let Ok(mut session) = session.await else { continue };
        let itself = "SELECT pg_cancel_backend(pg_backend_pid())::text FROM pg_sleep(0.001)";
        let ran = run(&mut session, itself, &[]).await;
        let early = Instant::now() < deadline;
        match ran.unwrap_err() {
            Error::Cancelled => cancelled += 1,
            error => assert!(!early && matches!(error, Error::DeadlinePassed), "{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_query_gets_anothers_cancel_or_rows() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| {
        settings.connections_max = 4;
        settings.wait_max = Duration::from_secs(60);
    });
    let mut callers = Vec::new();
    for caller in 0..12u64 {
        let postgres = postgres.clone();
        callers.push(tokio::spawn(async move {
            let (mut cancelled, mut answered) = (0, 0);
            for call in 0..125u64 {
                let number = (caller * 1_000 + call) as i32;
                let mut session = postgres.session(want(Mode::Single)).await.unwrap();
                let text = "SELECT $1::int4 FROM pg_sleep(0.001)";
                let asked = [statement(text, &[(23, &number.to_be_bytes())], &[23])];
                // Between nothing and a little more than the query takes.
                let patience = Duration::from_micros((caller * 131 + call * 97) % 2_500);
                let ran = session.run(&asked, Ending::Last, Limit::default());
                match tokio::time::timeout(patience, ran).await {
                    Err(_) => cancelled += 1,
                    Ok(Ok(rows)) => {
                        assert_eq!(rows[0].row(0).unwrap().get(0), Some(&number.to_be_bytes()[..]));
                        answered += 1;
                    }
                    Ok(Err(error)) => panic!("not ours: {error:?}"),
                }
                drop(session);
                // A query nobody cancels, on whichever connection is next.
                let mut session = postgres.session(want(Mode::Single)).await.unwrap();
                let rows =
                    session.run(&asked, Ending::Last, Limit::default()).await.expect("nobody cancels this");
                assert_eq!(rows[0].row(0).unwrap().get(0), Some(&number.to_be_bytes()[..]));
            }
            (cancelled, answered)
        }));
    }
    let mut sum = (0, 0);
    for caller in callers {
        let (cancelled, answered) = caller.await.unwrap();
        sum = (sum.0 + cancelled, sum.1 + answered);
    }
    assert_eq!(sum.0 + sum.1, 1_500);
    assert!(sum.0 > 100, "too few were cancelled to say anything: {sum:?}");
}

#[tokio::test]
async fn a_snapshot_is_one_snapshot() {
    let database = database(CHINOOK).await;
    let postgres = postgres(&database.url, |_| {});
    let mut session = postgres.session(want(Mode::Snapshot)).await.unwrap();
    let count = [statement("SELECT count(*) FROM playlist_track", &[], &[20])];
    let first = session.run(&count, Ending::More, Limit::default()).await.unwrap();
    database.execute("DELETE FROM playlist_track").await;
    let second = session.run(&count, Ending::Last, Limit::default()).await.unwrap();
    assert_eq!(first[0].row(0).unwrap().get(0), second[0].row(0).unwrap().get(0));
    // The next snapshot of the same session is a new one.
    let third = session.run(&count, Ending::Last, Limit::default()).await.unwrap();
    assert_eq!(third[0].row(0).unwrap().get(0), Some(&0i64.to_be_bytes()[..]));
}

#[tokio::test]
async fn past_the_limit_the_rows_so_far_are_the_answer() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let many = [statement("SELECT repeat('x', 1000 + 0 * generate_series(1, 100000000))", &[], &[25])];
    let rows = session.run(&many, Ending::Last, Limit { bytes_max: 50_000 }).await.unwrap();
    assert!(rows[0].cut);
    assert!((45..=55).contains(&rows[0].len()), "{}", rows[0].len());
    assert!(matches!(session.run(&many, Ending::Last, Limit::default()).await, Err(Error::Spent)));
    drop(session);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let large = [statement("SELECT repeat('x', 100000000)", &[], &[25])];
    let rows = session.run(&large, Ending::Last, Limit { bytes_max: 50_000 }).await.unwrap();
    assert!(rows[0].cut && rows[0].is_empty());
    assert_eq!(rows[0].oversized, Some(100_000_011));
    drop(session);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    assert_eq!(run(&mut session, "SELECT 'good'", &[25]).await.unwrap(), [b"good"]);
}
