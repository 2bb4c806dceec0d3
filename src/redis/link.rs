//! URLs → connections to one Redis or to the nodes of a cluster → the answers of commands sent together.

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::{ConnectionLike as _, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    Client, ClientTlsConfig, Cmd, ConnectionInfo, IntoConnectionInfo as _, Pipeline, RedisError,
    TlsCertificates, Value,
};

use super::error::Error;
use super::settings::{Kind, Settings, Tls};

/// A node that moved, and one more.
const REDIRECTS_MAX: u32 = 2;

/// Where Redis is.
pub(super) enum Place {
    Single(Client, ConnectionManagerConfig),
    Cluster(ClusterClient),
}

/// Cheap to clone; what is sent by clones shares connections.
#[derive(Clone)]
pub(super) enum Link {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

/// What a command was answered.
pub(super) type Reply = Result<Value, RedisError>;

impl Place {
    pub fn new(settings: &Settings) -> Result<Place, Error> {
        // The crate asks for the process' provider, and ours is ring, whatever else is linked in. Who was first stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wait = settings.connect_max;
        let infos = infos(settings)?;
        let certificates = certificates(&settings.tls)?;
        match (settings.kind, &infos[..]) {
            (Kind::Single, [info]) => {
                let client = match certificates {
                    Some(certificates) => Client::build_with_tls(info.clone(), certificates),
                    None => Client::open(info.clone()),
                };
                // Who fails tries again by the breaker's rules, not by the crate's.
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(0)
                    .set_connection_timeout(Some(wait))
                    .set_response_timeout(Some(wait));
                Ok(Place::Single(client.map_err(unusable)?, config))
            }
            (Kind::Single, _) => Err(Error::Url("there is to be one, but for a cluster".to_owned())),
            (Kind::Cluster, _) => {
                let mut builder = ClusterClient::builder(infos)
                    .tcp_settings(tcp(wait))
                    .connection_timeout(wait)
                    .response_timeout(wait)
                    .retries(REDIRECTS_MAX);
                if let Some(certificates) = certificates {
                    builder = builder.certs(certificates);
                }
                Ok(Place::Cluster(builder.build().map_err(unusable)?))
            }
        }
    }

    pub async fn connect(&self) -> Result<Link, RedisError> {
        match self {
            Place::Single(client, config) => {
                let connected = ConnectionManager::new_with_config(client.clone(), config.clone()).await;
                connected.map(Link::Single)
            }
            Place::Cluster(client) => client.get_async_connection().await.map(Link::Cluster),
        }
    }
}

impl Link {
    /// All at once: one Redis gets a pipeline, each node of a cluster those that are its own.
    pub async fn run(&self, commands: Vec<Cmd>) -> Result<Vec<Reply>, RedisError> {
        match self.clone() {
            Link::Single(mut connection) => {
                let mut pipeline = Pipeline::with_capacity(commands.len());
                let count = commands.len();
                for command in commands {
                    pipeline.add_command(command);
                }
                let values = connection.send_packed_commands(&pipeline, 0, count).await?;
                Ok(values.into_iter().map(checked).collect())
            }
            // A pipeline of a cluster is of one slot, and keys of ours are of all.
            Link::Cluster(connection) => {
                let sent = commands.into_iter().map(|command| {
                    let mut connection = connection.clone();
                    async move { connection.req_packed_command(&command).await.and_then(checked) }
                });
                Ok(join_all(sent).await)
            }
        }
    }
}

fn checked(value: Value) -> Reply {
    match value {
        Value::ServerError(error) => Err(error.into()),
        value => Ok(value),
    }
}

fn infos(settings: &Settings) -> Result<Vec<ConnectionInfo>, Error> {
    let infos = settings.urls.iter().map(|url| {
        let info = url.as_str().into_connection_info().map_err(unusable)?;
        Ok(info.set_tcp_settings(tcp(settings.connect_max)))
    });
    infos.collect()
}

/// A host that acknowledges nothing is given up as one that does not connect.
fn tcp(give_up: Duration) -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(give_up);
    settings
}

fn certificates(tls: &Tls) -> Result<Option<TlsCertificates>, Error> {
    if tls.authorities.is_none() && tls.identity.is_none() {
        return Ok(None);
    }
    let root_cert = tls.authorities.as_deref().map(read).transpose()?;
    let client_tls = match &tls.identity {
        Some((certificate, key)) => {
            Some(ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? })
        }
        None => None,
    };
    Ok(Some(TlsCertificates { client_tls, root_cert }))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

/// What the crate says of a URL holds nothing of it.
fn unusable(error: RedisError) -> Error {
    Error::Url(error.to_string())
}
