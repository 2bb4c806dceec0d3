//! Behind PgBouncer by transaction, where server connections are shared with others.

use std::time::Duration;

use rowcall::postgres::{Ending, Error, Limit, Mode, Pooler as Kind, Postgres, StatementTimeout, Want};

use crate::support::session::{postgres, run, statement, until, want, within};
use crate::support::{CHINOOK, Database, Pooler, database};

async fn behind(pooler: &Pooler, database: &Database) -> Postgres {
    let postgres = postgres(&pooler.url(database), |settings| {
        settings.pooler = Kind::Transaction;
        settings.wait_max = Duration::from_secs(60);
        settings.probe_every = Duration::from_millis(50);
    });
    let mut reachable = postgres.reachable();
    let up = reachable.wait_for(|now| *now);
    tokio::time::timeout(Duration::from_secs(20), up).await.expect("the pooler answers").unwrap();
    postgres
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_servers_and_never_rows() {
    let database = database(CHINOOK).await;
    database.execute(&format!("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'", database.name)).await;
    let pooler = Pooler::start(2);
    let instances = [behind(&pooler, &database).await, behind(&pooler, &database).await];
    let mut callers = Vec::new();
    for caller in 0..8u32 {
        let postgres = instances[caller as usize % 2].clone();
        callers.push(tokio::spawn(async move {
            for call in 0..100u32 {
                let number = ((caller * 100 + call) % 3503 + 1) as i32;
                let mode = if call % 3 == 0 { Mode::Snapshot } else { Mode::Single };
                let mut session = postgres.session(want(mode)).await.unwrap();
                // Shapes in another order in each instance.
                let text = format!(
                    "SELECT track_id, current_setting('TimeZone') || current_setting('transaction_read_only'), \
                     {caller} FROM track WHERE track_id = $1"
                );
                let asked = [statement(&text, &[(23, &number.to_be_bytes())], &[23, 25, 23])];
                for ending in [Ending::More, Ending::Last] {
                    let rows = session.run(&asked, ending, Limit::default()).await.unwrap();
                    let row = rows[0].row(0).unwrap();
                    assert_eq!(row.get(0), Some(&number.to_be_bytes()[..]));
                    assert_eq!(row.get(1), Some(&b"UTCon"[..]));
                    assert_eq!(row.get(2), Some(&caller.to_be_bytes()[..]));
                }
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    // Nothing of ours is left on the servers.
    let (client, connection) =
        tokio_postgres::connect(&pooler.url(&database), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let left = "SHOW default_transaction_read_only";
    for message in client.simple_query(left).await.unwrap() {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            assert_eq!(row.get(0), Some("off"));
        }
    }
}

#[tokio::test]
async fn a_pooler_is_noticed_and_gets_no_session_settings() {
    let database = database(CHINOOK).await;
    let pooler = Pooler::start(1);
    drop(behind(&pooler, &database).await);
    let direct = postgres(&pooler.url(&database), |settings| settings.statements_max = 0);
    let mut session = direct.session(want(Mode::Single)).await.unwrap();
    let shown =
        "SELECT current_setting('default_transaction_read_only') || current_setting('transaction_read_only')";
    assert_eq!(run(&mut session, shown, &[25]).await.unwrap(), [b"offon"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancels_through_a_pooler_hit_only_their_own() {
    let database = database(CHINOOK).await;
    let pooler = Pooler::start(2);
    let postgres = behind(&pooler, &database).await;
    let mut callers = Vec::new();
    for caller in 0..6u64 {
        let postgres = postgres.clone();
        callers.push(tokio::spawn(async move {
            for call in 0..50u64 {
                let number = (caller * 1_000 + call) as i32;
                let text = "SELECT $1::int4 FROM pg_sleep(0.001)";
                let asked = [statement(text, &[(23, &number.to_be_bytes())], &[23])];
                let mut session = postgres.session(want(Mode::Single)).await.unwrap();
                let patience = Duration::from_micros((caller * 131 + call * 97) % 4_000);
                let ran = session.run(&asked, Ending::Last, Limit::default());
                let _ = tokio::time::timeout(patience, ran).await.map(Result::unwrap);
                drop(session);
                let mut session = postgres.session(want(Mode::Single)).await.unwrap();
                let rows = session.run(&asked, Ending::Last, Limit::default()).await.expect("not cancelled");
                assert_eq!(rows[0].row(0).unwrap().get(0), Some(&number.to_be_bytes()[..]));
            }
        }));
    }
    for caller in callers {
        caller.await.unwrap();
    }
    let mut session = postgres.session(within(300)).await.unwrap();
    let slept = run(&mut session, "SELECT pg_sleep(302)::text", &[]).await;
    assert!(matches!(slept, Err(Error::DeadlinePassed)), "{slept:?}");
    drop(session);
    until(&database, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(302)%' AND state = 'active' AND pid <> pg_backend_pid())").await;
    let want = Want { statement_timeout: StatementTimeout::PerCall, ..within(2_000) };
    let mut session = postgres.session(want).await.unwrap();
    let set = run(&mut session, "SELECT current_setting('statement_timeout')", &[25]).await.unwrap();
    assert_ne!(set, [b"1min"]);
}
