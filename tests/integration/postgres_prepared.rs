//! Prepared statements: how many, when, and what happens when the tables change under them.

use rowcall::postgres::{Ending, Error, Limit, Mode};

use crate::support::session::{postgres, run, statement, want};
use crate::support::{EMPTY, database};

#[tokio::test]
async fn a_connection_keeps_no_more_than_its_limit() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| {
        settings.connections_max = 1;
        settings.statements_max = 8;
    });
    let count = "SELECT count(*)::text FROM pg_prepared_statements";
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    for shape in 0..40 {
        run(&mut session, &format!("SELECT {shape}"), &[23]).await.unwrap();
    }
    // Each was used once, so none was worth it.
    assert_eq!(run(&mut session, count, &[25]).await.unwrap(), [b"0"]);
    for shape in 0..40 {
        for _ in 0..3 {
            run(&mut session, &format!("SELECT {shape}"), &[23]).await.unwrap();
        }
    }
    assert_eq!(run(&mut session, count, &[25]).await.unwrap(), [b"7"]);
}

#[tokio::test]
async fn a_changed_table_is_prepared_again_unseen() {
    let database = database(EMPTY).await;
    database.execute("CREATE TABLE t (a int NOT NULL); INSERT INTO t VALUES (1)").await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let ask = async |mode, columns: &[u32]| {
        let mut session = postgres.session(want(mode)).await.unwrap();
        let asked = [statement("SELECT * FROM t", &[], columns)];
        let rows = session.run(&asked, Ending::Last, Limit::default());
        rows.await.map(|rows| rows[0].row(0).unwrap().len())
    };
    for _ in 0..3 {
        assert_eq!(ask(Mode::Single, &[]).await.unwrap(), 1);
    }
    database.execute("ALTER TABLE t ADD COLUMN b int").await;
    assert_eq!(ask(Mode::Single, &[]).await.unwrap(), 2);
    database.execute("ALTER TABLE t ADD COLUMN c text").await;
    assert_eq!(ask(Mode::Snapshot, &[]).await.unwrap(), 3);
    // A plan that expects other types is told so, prepared or not, each time.
    for _ in 0..3 {
        let error = ask(Mode::Single, &[23, 23]).await.unwrap_err();
        assert!(matches!(error, Error::CatalogChanged(_)), "{error:?}");
        assert_eq!(ask(Mode::Single, &[23, 23, 25]).await.unwrap(), 3);
    }
    database.execute("ALTER TABLE t ALTER COLUMN b TYPE bigint").await;
    for _ in 0..3 {
        let error = ask(Mode::Single, &[23, 23, 25]).await.unwrap_err();
        assert!(matches!(error, Error::CatalogChanged(_)), "{error:?}");
        assert_eq!(ask(Mode::Single, &[23, 20, 25]).await.unwrap(), 3);
    }
    database.execute("DROP TABLE t").await;
    let error = ask(Mode::Single, &[23, 20, 25]).await.unwrap_err();
    assert!(matches!(error, Error::CatalogChanged(_)), "{error:?}");
}

#[tokio::test]
async fn lost_statements_are_prepared_again_unseen() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    for _ in 0..3 {
        run(&mut session, "SELECT 'kept'", &[25]).await.unwrap();
    }
    session.run(&[statement("DEALLOCATE ALL", &[], &[])], Ending::Last, Limit::default()).await.unwrap();
    assert_eq!(run(&mut session, "SELECT 'kept'", &[25]).await.unwrap(), [b"kept"]);
}

#[tokio::test]
async fn a_snapshot_that_met_a_lost_statement_is_the_only_one_to_fail() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let [first, kept, lose] = ["SELECT 1", "SELECT 2", "DEALLOCATE ALL"];
    let in_snapshot = async |texts: [&str; 2]| {
        let mut session = postgres.session(want(Mode::Snapshot)).await.unwrap();
        for (text, ending) in texts.into_iter().zip([Ending::More, Ending::Last]) {
            session.run(&[statement(text, &[], &[])], ending, Limit::default()).await?;
        }
        Ok::<_, Error>(())
    };
    for _ in 0..3 {
        in_snapshot([first, kept]).await.unwrap();
    }
    // What came before it in the snapshot cannot be run again unseen.
    let error = in_snapshot([lose, kept]).await.unwrap_err();
    assert!(matches!(error, Error::CatalogChanged(_)), "{error:?}");
    for _ in 0..2 {
        in_snapshot([first, kept]).await.unwrap();
    }
}

#[tokio::test]
async fn a_parameter_whose_column_changed_its_type_is_sent_as_what_it_is_now() {
    let database = database(EMPTY).await;
    database.execute("CREATE TABLE t (id int, a text); INSERT INTO t VALUES (7, 'seven')").await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let ask = async |oid, value: &'static [u8]| {
        let mut session = postgres.session(want(Mode::Single)).await.unwrap();
        let asked = [statement("SELECT a FROM t WHERE id = $1", &[(oid, value)], &[25])];
        let rows = session.run(&asked, Ending::Last, Limit::default()).await.unwrap();
        rows[0].row(0).unwrap().get(0).unwrap().to_vec()
    };
    for _ in 0..3 {
        assert_eq!(ask(23, &[0, 0, 0, 7]).await, b"seven");
    }
    database.execute("ALTER TABLE t ALTER COLUMN id TYPE bigint").await;
    for _ in 0..3 {
        assert_eq!(ask(20, &[0, 0, 0, 0, 0, 0, 0, 7]).await, b"seven");
    }
}

#[tokio::test]
async fn types_of_the_users_own_need_no_question() {
    let database = database(EMPTY).await;
    database.execute("CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE DOMAIN short AS varchar(5)").await;
    let oid = database.client().await.query_one("SELECT 'mood'::regtype::oid", &[]).await.unwrap().get(0);
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(run(&mut session, "SELECT 'wild'::mood", &[oid]).await.unwrap(), [b"wild"]);
    }
    let of_catalog = "SELECT count(*)::text FROM pg_prepared_statements WHERE statement LIKE '%pg_type%'";
    assert_eq!(run(&mut session, of_catalog, &[25]).await.unwrap(), [b"0"]);
}

#[tokio::test]
async fn a_failing_sibling_fails_the_run_and_nothing_else() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.connections_max = 1);
    for mode in [Mode::Single, Mode::Snapshot] {
        let mut session = postgres.session(want(mode)).await.unwrap();
        let siblings =
            ["SELECT 1", "SELECT 1 / (SELECT 0)", "SELECT 2"].map(|text| statement(text, &[], &[23]));
        for _ in 0..3 {
            let error = session.run(&siblings, Ending::Last, Limit::default()).await.unwrap_err();
            let Error::Sql(failure) = error else { panic!("{error:?}") };
            assert_eq!(failure.state, "22012");
            let rows = session.run(&siblings[..1], Ending::Last, Limit::default()).await.unwrap();
            assert_eq!(rows[0].len(), 1);
        }
    }
}

#[tokio::test]
async fn siblings_may_be_alike_and_more_than_are_kept() {
    let database = database(EMPTY).await;
    let postgres = postgres(&database.url, |settings| settings.statements_max = 2);
    let mut session = postgres.session(want(Mode::Single)).await.unwrap();
    let texts = ["SELECT 1", "SELECT 2", "SELECT 1", "SELECT 3", "SELECT 4", "SELECT 2"];
    for _ in 0..5 {
        let siblings = texts.map(|text| statement(text, &[], &[23]));
        let rows = session.run(&siblings, Ending::Last, Limit::default()).await.unwrap();
        let found = rows.iter().map(|rows| rows.row(0).unwrap().get(0).unwrap()[3]);
        assert_eq!(found.collect::<Vec<_>>(), [1, 2, 1, 3, 4, 2]);
    }
}
