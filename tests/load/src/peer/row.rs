//! A connection → one whose statements are prepared, and a row of theirs → an account.

use bb8::ManageConnection;
use bb8_postgres::PostgresConnectionManager;
use tokio_postgres::{Client, Error, NoTls, Row, Statement};

use crate::api::Account;

const GET: &str = "SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid = $1";
const LIST: &str =
    "SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid >= $1 ORDER BY aid LIMIT $2";
const STREAM: &str = "SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid >= $1 ORDER BY aid";

/// A connection and what was prepared on it when it was made.
pub struct Prepared {
    pub client: Client,
    pub get: Statement,
    pub list: Statement,
    pub stream: Statement,
}

pub struct Manager(pub PostgresConnectionManager<NoTls>);

impl ManageConnection for Manager {
    type Connection = Prepared;
    type Error = Error;

    async fn connect(&self) -> Result<Prepared, Error> {
        let client = self.0.connect().await?;
        let (get, list, stream) =
            tokio::try_join!(client.prepare(GET), client.prepare(LIST), client.prepare(STREAM))?;
        Ok(Prepared { client, get, list, stream })
    }

    async fn is_valid(&self, connection: &mut Prepared) -> Result<(), Error> {
        self.0.is_valid(&mut connection.client).await
    }

    fn has_broken(&self, connection: &mut Prepared) -> bool {
        self.0.has_broken(&mut connection.client)
    }
}

pub fn account(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        aid: row.try_get(0)?,
        bid: row.try_get(1)?,
        abalance: row.try_get(2)?,
        filler: row.try_get(3)?,
    })
}
