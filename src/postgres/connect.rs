//! Hosts, in order, each in the ways its `sslmode` allows → a connection that is what was asked for.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rand::seq::SliceRandom as _;
use rustls::pki_types::ServerName;
use tokio::net::lookup_host;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::conninfo::{Conninfo, Host, Order, Place, SslMode, Target};
use super::dial::{Address, Tls, Without};
use super::error::Error;
use super::settings::{Role, Settings};
use super::tls;
use crate::telemetry::Telemetry;

/// A host that has said nothing for so long has the next one tried beside it.
const STAGGER: Duration = Duration::from_millis(250);
/// Hosts that have all said nothing for so long are tried afresh, beside it.
const FRESH_AFTER: Duration = Duration::from_millis(500);

/// Everything needed to connect again and again.
pub(super) struct Connector {
    pub conninfo: Conninfo,
    tls: Option<Arc<rustls::ClientConfig>>,
    pub settings: Settings,
}

/// A second pass takes any server, for `prefer-standby`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Wanted,
    Any,
}

impl Connector {
    pub fn new(settings: Settings) -> Result<Connector, Error> {
        let mut conninfo = Conninfo::new(&settings.url, &settings.environment)?;
        let contradiction = match (settings.role, conninfo.target) {
            (Role::Primary, target @ (Target::Standby | Target::ReadOnly)) => Some((target, "of a primary")),
            (Role::Standby, target @ (Target::Primary | Target::ReadWrite)) => Some((target, "of a standby")),
            _ => None,
        };
        if let Some((target, whose)) = contradiction {
            return Err(Error::Url(format!("target_session_attrs={target} is not to be had {whose}")));
        }
        if let Some(name) = settings.purpose.name() {
            // Apart from those of calls, for whoever looks at sessions.
            conninfo.application_name.push_str(&format!(" {name}"));
        }
        let keepalives = &mut conninfo.keepalives;
        keepalives.idle.get_or_insert(settings.keepalives_idle);
        keepalives.interval.get_or_insert(settings.keepalives_interval);
        keepalives.count.get_or_insert(settings.keepalives_retries);
        keepalives.user_timeout.get_or_insert(settings.tcp_user_timeout);
        let over_tcp = conninfo.hosts.iter().any(|host| !matches!(host.place, Place::Folder(_)));
        let encrypts = conninfo.ssl.mode != SslMode::Disable && over_tcp;
        let tls = encrypts.then(|| tls::configure(&conninfo.ssl)).transpose()?;
        // What keeps telemetry alive would keep itself alive: it reads our gauges.
        let settings = Settings { telemetry: Telemetry::default(), ..settings };
        Ok(Connector { conninfo, tls, settings })
    }

    /// A try that the network has swallowed says so only at its timeout, while a later one may find
    /// the way open again: a silent one has a fresh one beside it, and that one its successor.
    pub async fn connect(&self) -> Result<Connection, Error> {
        let hosts = u32::try_from(self.conninfo.hosts.len()).unwrap_or(u32::MAX);
        let silence_max = FRESH_AFTER.saturating_add(STAGGER.saturating_mul(hosts));
        let mut patient = pin!(self.try_once());
        let mut connected = timeout(silence_max, &mut patient).await.ok();
        while connected.is_none() {
            let successor = sleep(silence_max);
            connected = tokio::select! {
                biased;
                connected = &mut patient => Some(connected),
                Ok(fresh) = self.try_once() => Some(Ok(fresh)),
                () = successor => None,
            };
        }
        match connected {
            Some(Ok(connection)) => Ok(connection),
            // Whatever it has against us (no such database, a wrong password), we are not in.
            Some(Err(Error::Sql(failure))) if !failure.state.starts_with("53") => {
                Err(Error::Unreachable(failure.to_string()))
            }
            Some(Err(error)) => Err(error),
            None => Err(Error::Unreachable("no host has answered".to_owned())),
        }
    }

    async fn try_once(&self) -> Result<Connection, Error> {
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
            match self.connect_any(&hosts, *pass).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The first that lets us in. Hosts are tried in their order; the next is not kept waiting by one
    /// that says nothing.
    async fn connect_any(&self, hosts: &[&Host], pass: Pass) -> Result<Connection, Error> {
        let mut last = Error::Unreachable("no host has an address".to_owned());
        let (mut left, mut trying) = (hosts.iter(), FuturesUnordered::new());
        loop {
            if let Some(host) = left.next() {
                trying.push(self.connect_host(host, pass));
            }
            if trying.is_empty() {
                return Err(last);
            }
            let more = left.len() > 0;
            tokio::select! {
                Some(tried) = trying.next() => match tried {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = error,
                },
                () = sleep(STAGGER), if more => {}
            }
        }
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
}
