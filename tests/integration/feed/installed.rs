//! `rowcall migrate`: for an owner who is no superuser, more than once, in small steps, and back.

use std::time::Duration;

use rowcall::feed::{Mode, Why};

use super::shop::{Shop, connect, migrate, try_migrate, unfollowed};
use crate::support::{Database, cluster};

/// Everything in the catalog that `migrate` may have made.
async fn left(database: &Database) -> Vec<String> {
    let rows = database
        .client()
        .await
        .query(
            "SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal
             UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)'
             UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE proname LIKE 'changed%'",
            &[],
        )
        .await
        .expect("a catalog");
    rows.iter().map(|row| row.get(0)).collect()
}

/// A role that owns everything in the shop, and is nothing else.
async fn owned(database: &Database) -> String {
    let owner = format!("owner_of_{}", database.name);
    database
        .execute(&format!(
            "CREATE ROLE {owner} LOGIN; GRANT CREATE ON DATABASE {} TO {owner}; ALTER SCHEMA public OWNER TO {owner};
             DO $$ DECLARE t regclass; BEGIN
                 FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
                 LOOP EXECUTE format('ALTER TABLE %s OWNER TO {owner}', t); END LOOP;
             END $$",
            database.name
        ))
        .await;
    database.url.replace("postgres@", &format!("{owner}@"))
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_installs_follows_and_removes() {
    let database = unfollowed().await;
    let url = owned(&database).await;
    let said = migrate(&url, &[]).await;
    assert!(said.contains("the schema rowcall: done\n") && said.contains("public.event_2: done\n"), "{said}");
    assert_eq!(migrate(&url, &[]).await, "Nothing to do.\n");
    {
        let shop = Shop::at(&url, |settings| {
            (settings.keep, settings.clean_interval) = (Duration::ZERO, Duration::ZERO);
        })
        .await;
        assert_eq!(shop.mode("item").await, Mode::Tracked);
        let kept = [shop.get("item 1", "Item", 1).await, shop.get("item 2", "Item", 2).await];
        shop.client.batch_execute("UPDATE item SET title = 'x' WHERE id = 1").await.expect("an update");
        shop.heard().await;
        assert_eq!(shop.stale(&kept), ["item 1"]);
        crate::support::session::until(&database, "SELECT count(*) = 0 FROM rowcall.change").await;
    }
    migrate(&url, &["--down"]).await;
    assert_eq!(left(&database).await, [""; 0]);
    assert_eq!(migrate(&url, &["--down"]).await, "Nothing to do.\n");
}

#[tokio::test]
async fn what_a_dry_run_prints_is_for_psql() {
    let database = unfollowed().await;
    let url = owned(&database).await;
    let text = migrate(&url, &["--dry-run"]).await;
    assert_eq!(left(&database).await, [""; 0]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &text).expect("it is written");
    let owner = format!("owner_of_{}", database.name);
    let path = file.path().to_str().expect("UTF-8").to_owned();
    let name = database.name.clone();
    tokio::task::spawn_blocking(move || cluster().psql(&name, &["-U", &owner, "-f", &path]))
        .await
        .expect("psql ends");
    assert_eq!(migrate(&url, &["--dry-run"]).await, "-- Nothing to do.\n");
    let shop = Shop::at(&url, |_| {}).await;
    assert_eq!(shop.mode("event").await, Mode::Tracked);
}

#[tokio::test]
async fn a_role_that_only_serves_needs_to_be_granted() {
    let database = unfollowed().await;
    let role = format!("serves_{}", database.name);
    database
        .execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
        .await;
    migrate(&database.url, &[]).await;
    let url = database.url.replace("postgres@", &format!("{role}@"));
    let shop = Shop::unheard(&url, |settings| {
        settings.look_interval = Duration::from_millis(50);
        (settings.keep, settings.clean_interval) = (Duration::ZERO, Duration::ZERO);
    })
    .await;
    shop.until_untracked("item", Why::Denied).await;
    migrate(&database.url, &["--role", &role]).await;
    shop.until_mode("item", Mode::Tracked).await;
    database.execute("UPDATE item SET title = 'x' WHERE id = 1").await;
    crate::support::session::until(&database, "SELECT count(*) = 0 FROM rowcall.change").await;
    assert!(shop.client.batch_execute("DELETE FROM rowcall.state").await.is_err());
}

#[tokio::test]
async fn tables_of_others_are_named_all_at_once() {
    let database = unfollowed().await;
    let url = owned(&database).await;
    database.execute("ALTER TABLE item OWNER TO postgres; ALTER TABLE shelf OWNER TO postgres").await;
    let (code, _, error) = try_migrate(&url, &[]).await;
    assert_eq!(code, 1);
    assert!(error.contains("public.item belongs to postgres, public.shelf belongs to postgres"), "{error}");
    assert_eq!(left(&database).await, [""; 0]);
}

#[tokio::test]
async fn a_role_that_may_make_no_schema_is_told_what_to_do() {
    let database = unfollowed().await;
    let url = owned(&database).await;
    let owner = format!("owner_of_{}", database.name);
    database.execute(&format!("REVOKE CREATE ON DATABASE {} FROM {owner}", database.name)).await;
    let (code, _, error) = try_migrate(&url, &[]).await;
    assert_eq!(code, 1);
    assert!(error.contains("CREATE SCHEMA rowcall AUTHORIZATION"), "{error}");
    database.execute(&format!("CREATE SCHEMA rowcall AUTHORIZATION {owner}")).await;
    migrate(&url, &[]).await;
}

/// A report that runs for hours reads the table; writers wait behind the migration for moments only.
#[tokio::test]
async fn a_busy_table_is_not_blocked_and_its_holder_is_named() {
    let database = unfollowed().await;
    let holder = connect(&database.url).await;
    holder
        .batch_execute("SET application_name = 'the import'; BEGIN; UPDATE item SET title = 'x' WHERE id = 1")
        .await
        .expect("an update");
    let url = database.url.clone();
    let line = ["--set", "feed.lock_max=100ms", "--set", "feed.lock_attempts=4"];
    let migrating = tokio::spawn(async move { try_migrate(&url, &line).await });
    let writer = connect(&database.url).await;
    let mut slowest = Duration::ZERO;
    while !migrating.is_finished() {
        let begun = std::time::Instant::now();
        writer.execute("UPDATE item SET title = 'y' WHERE id = 2", &[]).await.expect("an update");
        slowest = slowest.max(begun.elapsed());
        tokio::task::yield_now().await;
    }
    let (code, _, error) = migrating.await.expect("it ends");
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("public.item stayed busy through 4 attempts of 100ms"), "{error}");
    assert!(error.contains("of postgres (idle in transaction, the import) holds it since"), "{error}");
    assert!(slowest < Duration::from_secs(5), "a writer waited {slowest:?}");
    holder.batch_execute("COMMIT").await.expect("a commit");
    let said = migrate(&database.url, &[]).await;
    assert!(said.contains("public.item: done\n") && !said.contains("the schema"), "{said}");
}

/// Two services with contracts of their own over one database.
#[tokio::test]
async fn what_another_contract_has_told_stays_told() {
    let database = unfollowed().await;
    migrate(&database.url, &[]).await;
    let client = database.client().await;
    let parts = || async {
        let row = client
            .query_one("SELECT parts FROM rowcall.followed WHERE relation = 'item'::regclass", &[])
            .await;
        row.expect("it is followed").get::<_, Vec<String>>(0)
    };
    assert_eq!(parts().await, ["2 Int4 shelf"]);
    database.execute("UPDATE rowcall.followed SET parts = '{2 Int4 shelf,3 Text title,9 Int4 gone}' WHERE relation = 'item'::regclass").await;
    migrate(&database.url, &[]).await;
    assert_eq!(parts().await, ["2 Int4 shelf", "3 Text title"]);
}

#[tokio::test]
async fn check_says_what_is_not_cached_where_changes_are_followed() {
    let database = unfollowed().await;
    let check = |format: &'static str| {
        let mut command = crate::support::rowcall();
        command.args(["check", "--format", format, "--contract"]).arg(super::shop::contract());
        command.env("DATABASE_URL", &database.url);
        tokio::task::spawn_blocking(move || command.output().expect("rowcall starts"))
    };
    let text = async |format| {
        let output = check(format).await.expect("it ends");
        assert!(output.status.success(), "it fits");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(!text("text").await.contains("Not cached:"));
    migrate(&database.url, &[]).await;
    assert!(!text("text").await.contains("Not cached:"));
    database.execute("ALTER TABLE shelf DISABLE TRIGGER rowcall_update").await;
    let said = text("text").await;
    assert!(said.contains("Not cached:\nshop.proto:"), "{said}");
    assert!(
        said.contains(": Shelf: a trigger of Rowcall's does not always fire: run `rowcall migrate`"),
        "{said}"
    );
    let json: serde_json::Value = serde_json::from_str(&text("json").await).expect("JSON");
    assert_eq!(json["unfollowed"][0]["subject"], "Shelf");
    assert_eq!(json["unfollowed"].as_array().map(Vec::len), Some(1));
    assert!(text("github").await.contains("::notice file=shop.proto,"));
}
