//! Two primaries at once: what the one says that was left behind is nothing to prove by the other.

use serde_json::json;

use super::moments::{DATABASE, Pair, until};
use super::stock::{PATIENT, Stock, from, plain, title};
use crate::support::{Cluster, Path, Proxy};

/// Calls' connections to a server end, and are gone; the feed's stands.
async fn send_away(cluster: &Cluster) {
    let sql = plain(&cluster.url(DATABASE)).await;
    sql.batch_execute(
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE application_name = 'rowcall'",
    )
    .await
    .expect("SQL");
}

/// A primary and one that was promoted beside it; who asks through the proxy, feed and calls, asks the first.
struct Split {
    pair: Pair,
    proxy: Proxy,
    stock: Stock,
    /// Of the test's own, to the second.
    promoted: tokio_postgres::Client,
}

impl Split {
    async fn start() -> Split {
        let mut pair = Pair::start().await;
        let proxy = Proxy::start(pair.primary.port).await;
        let stock = Stock::at(&proxy.url(DATABASE), &[PATIENT, &[("replicas.urls", "")]].concat()).await;
        pair.standby.control("promote");
        let promoted = plain(&pair.standby.url(DATABASE)).await;
        until(&promoted, "SELECT NOT pg_is_in_recovery()").await;
        Split { pair, proxy, stock, promoted }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_old_primary_answers_is_not_kept_where_the_new_one_is_followed() {
    let Split { pair, proxy, stock, promoted } = Split::start().await;
    promoted.batch_execute("UPDATE item SET title = 'new' WHERE id IN (3, 4)").await.expect("SQL");
    // Where everybody goes now.
    proxy.lead_to(pair.standby.port);
    proxy.set(Path::Cut);
    let old = plain(&pair.url()).await;
    let left = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'rowcall%'";
    until(&old, left).await;
    proxy.set(Path::Open);
    let name = json!({"name": "items/3"});
    stock.until("GetItem", name.clone(), |got| got.as_ref().is_ok_and(|got| title(got) == "new")).await;
    stock.kept("GetItem", name).await;
    // Calls come to the old one again, which knows of nothing.
    proxy.lead_to(pair.primary.port);
    send_away(&pair.standby).await;
    let name = json!({"name": "items/4"});
    stock.until("GetItem", name.clone(), |got| got.as_ref().is_ok_and(|got| title(got) == "item 4")).await;
    for _ in 0..20 {
        let got = stock.call("GetItem", name.clone()).await;
        assert_eq!((title(&got), from(&got)), ("item 4".to_owned(), "miss".to_owned()));
        assert_eq!(got.said("rowcall-token"), None, "it proves nothing");
    }
    proxy.lead_to(pair.standby.port);
    send_away(&pair.primary).await;
    stock.until("GetItem", name.clone(), |got| got.as_ref().is_ok_and(|got| title(got) == "new")).await;
    assert_eq!(title(&stock.kept("GetItem", name).await), "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_primary_answers_is_not_kept_while_the_old_one_is_followed() {
    let Split { pair, proxy, stock, promoted } = Split::start().await;
    promoted.batch_execute("UPDATE item SET title = 'new' WHERE id = 4").await.expect("SQL");
    // The feed stays, and goes on hearing of what is not written any more.
    proxy.lead_to(pair.standby.port);
    send_away(&pair.primary).await;
    let name = json!({"name": "items/4"});
    stock.until("GetItem", name.clone(), |got| got.as_ref().is_ok_and(|got| title(got) == "new")).await;
    promoted.batch_execute("UPDATE item SET title = 'newer' WHERE id = 4").await.expect("SQL");
    stock.until("GetItem", name.clone(), |got| got.as_ref().is_ok_and(|got| title(got) == "newer")).await;
    for _ in 0..20 {
        let got = stock.call("GetItem", name.clone()).await;
        assert_eq!((title(&got), from(&got)), ("newer".to_owned(), "miss".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_on_when_the_feed_is_removed() {
    let stock = Stock::open(&[PATIENT, &[("feed.look_interval", "1h")]].concat()).await;
    stock.kept("GetItem", json!({"name": "items/2"})).await;
    let got = stock.get("items/2", &[]).await.expect("it is there");
    let token = super::stock::token(&got);
    stock.execute("DROP SCHEMA rowcall CASCADE").await;
    for _ in 0..20 {
        let got = stock.get("items/2", &[("rowcall-token", &token)]).await;
        assert!(got.is_ok() || got.is_err_and(|failure| failure.reason == "TOKEN_INVALID"));
        assert_eq!(stock.title("items/3").await.0, "item 3");
    }
}
