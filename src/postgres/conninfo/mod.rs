//! `DATABASE_URL`, the environment and libpq's files → where to connect, as whom, and how.

mod files;
mod parameters;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::dial::{Keepalives, Negotiation};
use super::error::Error;
use super::peer::{Peer, Peers};
use parameters::Parameters;

/// Everything libpq would know. Has no `Debug`: it holds passwords.
#[derive(Clone)]
pub(super) struct Conninfo {
    pub hosts: Vec<Host>,
    pub user: String,
    pub dbname: String,
    pub options: Option<String>,
    pub application_name: String,
    pub ssl: Ssl,
    pub target: Target,
    pub order: Order,
    pub binding: Binding,
    pub connect_timeout: Option<Duration>,
    pub keepalives: Keepalives,
}

#[derive(Clone)]
pub(super) struct Host {
    pub place: Place,
    pub port: u16,
    pub password: Option<String>,
}

impl Host {
    pub fn peer(&self, database: &str) -> Peer {
        let address = match &self.place {
            Place::Name(name) | Place::Address { name: Some(name), .. } => name.as_str().into(),
            Place::Address { address, name: None } => address.to_string().into(),
            Place::Folder(folder) => folder.to_string_lossy().into(),
        };
        Peer { address, port: self.port, database: database.into() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To be looked up; also the name TLS checks.
    Name(String),
    /// Not looked up; the name, if any, is for TLS.
    Address { address: IpAddr, name: Option<String> },
    /// The folder of a unix socket.
    Folder(PathBuf),
}

#[derive(Debug, Clone)]
pub(super) struct Ssl {
    pub mode: SslMode,
    pub negotiation: Negotiation,
    pub roots: Roots,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub tls13_only: bool,
    pub sni: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    None,
    System,
    File(PathBuf),
}

/// Declares an enum of a parameter's values, with their spelling.
macro_rules! values {
    ($name:ident { $($text:literal => $variant:ident),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum $name { $($variant),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$variant => $text,)+ })
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(concat!($("`", $text, "` "),+)),
                }
            }
        }
    };
}

values!(SslMode {
    "disable" => Disable, "allow" => Allow, "prefer" => Prefer, "require" => Require,
    "verify-ca" => VerifyCa, "verify-full" => VerifyFull,
});
values!(Target {
    "any" => Any, "read-write" => ReadWrite, "read-only" => ReadOnly, "primary" => Primary,
    "standby" => Standby, "prefer-standby" => PreferStandby,
});
values!(Order { "disable" => AsGiven, "random" => Random });
values!(Binding { "disable" => Disable, "prefer" => Prefer, "require" => Require });

impl Conninfo {
    /// Where the database may be, in the URL's order.
    pub fn peers(&self) -> Peers {
        self.hosts.iter().map(|host| host.peer(&self.dbname)).collect()
    }

    pub fn new(url: &str, environment: &HashMap<String, String>) -> Result<Conninfo, Error> {
        conninfo(url, environment).map_err(Error::Url)
    }
}

fn conninfo(url: &str, environment: &HashMap<String, String>) -> Result<Conninfo, String> {
    let set = Parameters::gather(url, environment)?;
    let user = match set.get("user") {
        Some(user) => user.to_owned(),
        None => files::system_user().ok_or("no user is given: write postgres://USER@…")?,
    };
    let dbname = set.get("dbname").unwrap_or(&user).to_owned();
    if let Some(encoding) = set.get("client_encoding")
        && !["UTF8", "UTF-8", "AUTO"].contains(&encoding.to_uppercase().as_str())
    {
        return Err("client_encoding can only be UTF8".to_owned());
    }
    if set.get("gssencmode") == Some("require") {
        return Err("gssencmode=require: GSSAPI is not supported".to_owned());
    }
    let application = set.get("application_name").or(set.get("fallback_application_name"));
    Ok(Conninfo {
        hosts: set.hosts(&user, &dbname)?,
        ssl: set.ssl()?,
        options: set.get("options").map(str::to_owned),
        application_name: application.unwrap_or("rowcall").to_owned(),
        target: set.value("target_session_attrs")?.unwrap_or(Target::Any),
        order: set.value("load_balance_hosts")?.unwrap_or(Order::AsGiven),
        binding: set.value("channel_binding")?.unwrap_or(Binding::Prefer),
        connect_timeout: set.seconds("connect_timeout")?,
        keepalives: Keepalives {
            disabled: set.get("keepalives") == Some("0"),
            idle: set.seconds("keepalives_idle")?,
            interval: set.seconds("keepalives_interval")?,
            count: set.number("keepalives_count")?.and_then(|count| u32::try_from(count).ok()),
            user_timeout: set.number("tcp_user_timeout")?.map(Duration::from_millis),
        },
        user,
        dbname,
    })
}
