//! Hosts, in order, each in the ways its `sslmode` allows → a connection that is what was asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom as _;
use rustls::pki_types::ServerName;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::cancel::CancelKey;
use super::connection::{Connection, Settings as Hold};
use super::conninfo::{Conninfo, Host, Order, Place, SslMode, Target};
use super::dial::{Address, Endpoint, Tls, Without};
use super::encode::Command;
use super::error::Error;
use super::session::Limit;
use super::settings::{Encoding, Pooler, Settings};
use super::startup::start_up;
use super::wire::Wire;
use super::{fixed, tls};
use crate::sql::Statement;

/// Everything needed to connect again and again.
pub(super) struct Connector {
    pub conninfo: Conninfo,
    tls: Option<Arc<rustls::ClientConfig>>,
    pub settings: Settings,
}

/// A second pass takes any server, for `prefer-standby`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Wanted,
    Any,
}

impl Connector {
    pub fn new(settings: Settings) -> Result<Connector, Error> {
        let mut conninfo = Conninfo::new(&settings.url, &settings.environment)?;
        let keepalives = &mut conninfo.keepalives;
        keepalives.idle.get_or_insert(settings.keepalives_idle);
        keepalives.interval.get_or_insert(settings.keepalives_interval);
        keepalives.count.get_or_insert(settings.keepalives_retries);
        let over_tcp = conninfo.hosts.iter().any(|host| !matches!(host.place, Place::Folder(_)));
        let encrypts = conninfo.ssl.mode != SslMode::Disable && over_tcp;
        let tls = encrypts.then(|| tls::configure(&conninfo.ssl)).transpose()?;
        Ok(Connector { conninfo, tls, settings })
    }

    pub async fn connect(&self) -> Result<Connection, Error> {
        let mut hosts: Vec<&Host> = self.conninfo.hosts.iter().collect();
        if self.conninfo.order == Order::Random {
            hosts.shuffle(&mut rand::rng());
        }
        let passes: &[Pass] = match self.conninfo.target {
            Target::PreferStandby => &[Pass::Wanted, Pass::Any],
            _ => &[Pass::Wanted],
        };
        let mut last = Error::Unreachable("no host has an address".to_owned());
        for pass in passes {
            for host in &hosts {
                match self.connect_host(host, *pass).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = error,
                }
            }
        }
        Err(match last {
            // Whatever it has against us (no such database, a wrong password), we are not in.
            Error::Sql(failure) if !failure.state.starts_with("53") => {
                Error::Unreachable(failure.to_string())
            }
            error => error,
        })
    }

    async fn connect_host(&self, host: &Host, pass: Pass) -> Result<Connection, Error> {
        let mut last = Error::Unreachable("the host has no address".to_owned());
        for address in self.addresses(host).await? {
            match self.connect_in_any_way(host, &address, pass).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn addresses(&self, host: &Host) -> Result<Vec<Address>, Error> {
        let name = match &host.place {
            Place::Folder(folder) => {
                return Ok(vec![Address::Unix(folder.join(format!(".s.PGSQL.{}", host.port)))]);
            }
            Place::Address { address, .. } => return Ok(vec![Address::Tcp((*address, host.port).into())]),
            Place::Name(name) => name,
        };
        let found = timeout(self.patience(), lookup_host((name.as_str(), host.port))).await;
        let found = found.map_err(|_| Error::Unreachable(format!("{name}: no address in time")))?;
        let found = found.map_err(|error| Error::Unreachable(format!("{name}: {error}")))?;
        let mut found: Vec<Address> = found.map(Address::Tcp).collect();
        if self.conninfo.order == Order::Random {
            found.shuffle(&mut rand::rng());
        }
        Ok(found)
    }

    /// How long one address may take.
    fn patience(&self) -> Duration {
        self.conninfo.connect_timeout.unwrap_or(self.settings.connect_timeout)
    }

    /// Tries with and without TLS, as `sslmode` says and in its order.
    async fn connect_in_any_way(
        &self,
        host: &Host,
        address: &Address,
        pass: Pass,
    ) -> Result<Connection, Error> {
        let name = match (&host.place, address) {
            (Place::Name(name) | Place::Address { name: Some(name), .. }, _) => name.clone(),
            (_, Address::Tcp(address)) => address.ip().to_string(),
            (_, Address::Unix(_)) => String::new(),
        };
        let encrypted = |without| -> Result<Option<Tls>, Error> {
            let Some(config) = self.tls.clone().filter(|_| matches!(address, Address::Tcp(_))) else {
                return Ok(None);
            };
            let unfit = |_| Error::Tls(format!("{name:?} is not a name that can be checked"));
            let name = ServerName::try_from(name.clone()).map_err(unfit)?;
            Ok(Some(Tls { config, name, negotiation: self.conninfo.ssl.negotiation, without }))
        };
        let ways = match self.conninfo.ssl.mode {
            SslMode::Disable => vec![None],
            SslMode::Allow => vec![None, encrypted(Without::Refuse)?],
            SslMode::Prefer => vec![encrypted(Without::GoOn)?, None],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => vec![encrypted(Without::Refuse)?],
        };
        let mut failed = None;
        for way in ways {
            let another = failed.is_some();
            if another && matches!(address, Address::Unix(_)) {
                break;
            }
            match timeout(self.patience(), self.connect_once(host, address, way, pass)).await {
                Ok(Ok(connection)) => return Ok(connection),
                // Only what the other way could change is tried again: a failed handshake, or
                // pg_hba.conf having no line for this one.
                Ok(Err(error)) => {
                    let hopeless = match &error {
                        Error::Sql(failure) => failure.state != "28000",
                        error => !matches!(error, Error::Tls(_)),
                    };
                    failed = Some(error);
                    if hopeless {
                        break;
                    }
                }
                Err(_) => {
                    failed = Some(Error::Unreachable(format!("{address:?}: no connection in time")));
                    break;
                }
            }
        }
        Err(failed.unwrap_or_else(|| Error::Unreachable("no way to connect".to_owned())))
    }

    async fn connect_once(
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
        let mut connection = Connection::new(wire, cancel, statements_max);
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
        let look = Statement { text: LOOK.into(), params: vec![], columns: LOOK_COLUMNS.into() };
        let settle = fixed::session(self.settings.statement_max, connection.cancel.process_id);
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
        connection.standby = standby;
        // A pooler makes up its own process ids.
        let pooled = process_id != Some(connection.cancel.process_id);
        if pooled || self.settings.pooler == Pooler::Transaction {
            connection.settings = Hold::Transaction;
        }
        Ok(())
    }
}
