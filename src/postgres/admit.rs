//! An address → a connection that was let in, is what was asked for, and has our settings.

use std::sync::Arc;
use std::time::Instant;

use super::cancel::CancelKey;
use super::connect::{Connector, Pass};
use super::connection::{Connection, Settings as Hold};
use super::conninfo::{Host, Target};
use super::dial::{Address, Endpoint, Tls};
use super::encode::Command;
use super::error::Error;
use super::fixed;
use super::session::Limit;
use super::settings::{Encoding, Pooler};
use super::startup::start_up;
use super::wire::Wire;
use crate::sql::Statement;

impl Connector {
    pub(super) async fn connect_once(
        &self,
        host: &Host,
        address: &Address,
        tls: Option<Tls>,
        pass: Pass,
    ) -> Result<Connection, Error> {
        let keepalives = self.conninfo.keepalives.clone();
        let mut endpoint = Endpoint { address: address.clone(), tls, keepalives };
        let opened = endpoint.open().await?;
        if opened.encrypted.is_none() {
            // A cancel goes the way its connection went.
            endpoint.tls = None;
        }
        let mut wire = Wire::new(opened.stream);
        let admitted = start_up(&mut wire, &self.conninfo, host, opened.encrypted.as_ref()).await?;
        let cancel = CancelKey {
            endpoint: Arc::new(endpoint),
            process_id: admitted.process_id,
            secret_key: admitted.secret_key,
        };
        let statements_max = match self.settings.pooler {
            Pooler::Direct => self.settings.statements_max,
            Pooler::Transaction => 0,
        };
        let mut connection = Connection::new(host.peer(&self.conninfo.dbname), wire, cancel, statements_max);
        connection.allow(self.settings.access);
        self.look_around(&mut connection, pass).await?;
        let age = self.settings.lifetime_max;
        let jitter = self.settings.lifetime_jitter.clamp(0.0, 1.0) * rand::random::<f64>();
        connection.ends = Instant::now() + age.mul_f64(1.0 - jitter);
        Ok(connection)
    }

    /// Asks what the server is, refuses what was not asked for, and settles the session, in one
    /// round trip.
    async fn look_around(&self, connection: &mut Connection, pass: Pass) -> Result<(), Error> {
        const LOOK: &str = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(), \
            pg_catalog.current_setting('default_transaction_read_only') = 'on', \
            pg_catalog.current_setting('server_encoding')";
        const LOOK_COLUMNS: [u32; 4] = [23, 16, 16, 25];
        let look = Statement::own(LOOK, LOOK_COLUMNS);
        let settle =
            fixed::session(self.settings.statement_max, connection.cancel.process_id, self.settings.access);
        let commands = match self.settings.pooler {
            Pooler::Direct => vec![Command::Once(&look), Command::Plain(&settle)],
            Pooler::Transaction => vec![Command::Once(&look)],
        };
        let rows = connection.run(&commands, Limit::default()).await?;
        let row = rows.first().and_then(|rows| rows.row(0));
        let row = row.ok_or_else(|| Error::Protocol("the server says nothing of itself".to_owned()))?;
        let process_id = row.get(0).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
        let says_yes = |column| row.get(column) == Some(&[1]);
        let (standby, read_only) = (says_yes(1), says_yes(1) || says_yes(2));
        if row.get(3) == Some(b"SQL_ASCII") && self.settings.encoding == Encoding::Checked {
            let text = "the database is in SQL_ASCII, so its strings may be anything: convert it, or set \
                postgres.encoding_unchecked";
            return Err(Error::Unreachable(text.to_owned()));
        }
        let refused = match self.conninfo.target {
            Target::Any => None,
            Target::ReadWrite => read_only.then_some("it is read-only"),
            Target::ReadOnly => (!read_only).then_some("it is not read-only"),
            Target::Primary => standby.then_some("it is a standby"),
            Target::Standby => (!standby).then_some("it is no standby"),
            Target::PreferStandby => (!standby && pass == Pass::Wanted).then_some("it is no standby"),
        };
        if let Some(why) = refused {
            return Err(Error::Unreachable(format!("target_session_attrs refuses the server: {why}")));
        }
        (connection.standby, connection.role) = (standby, self.settings.role);
        connection.role.check(standby)?;
        // A pooler makes up its own process ids.
        let pooled = process_id != Some(connection.cancel.process_id);
        if pooled || self.settings.pooler == Pooler::Transaction {
            connection.settings = Hold::Transaction;
        }
        Ok(())
    }
}
