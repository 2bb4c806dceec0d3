//! `DATABASE_URL`, the environment and libpq's files → where to connect, as whom, and how.

mod files;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::dial::{Keepalives, Negotiation};
use super::error::Error;

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

/// Every parameter we follow, with the variable that stands for it.
const PARAMETERS: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("fallback_application_name", ""),
    ("client_encoding", "PGCLIENTENCODING"),
    ("service", "PGSERVICE"),
    ("servicefile", "PGSERVICEFILE"),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("sslsni", "PGSSLSNI"),
    ("sslcompression", "PGSSLCOMPRESSION"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("gssencmode", "PGGSSENCMODE"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("keepalives", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("keepalives_count", ""),
    ("tcp_user_timeout", ""),
];

/// Parameters of libpq's that change who is trusted or how, and that we do not follow.
const UNSUPPORTED: &[&str] = &[
    "sslcrl",
    "sslcrldir",
    "sslpassword",
    "sslcertmode",
    "ssl_max_protocol_version",
    "requirepeer",
    "require_auth",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "replication",
    "scram_client_key",
    "scram_server_key",
    "sslkeylogfile",
];

const PORT: u16 = 5432;

/// Where unix sockets are when no host is named: Debian's folder, else upstream's.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

impl Conninfo {
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

/// What was given, the first source first: string, service, environment.
struct Parameters<'a> {
    given: HashMap<String, String>,
    environment: &'a HashMap<String, String>,
}

impl<'a> Parameters<'a> {
    fn gather(url: &str, environment: &'a HashMap<String, String>) -> Result<Parameters<'a>, String> {
        let mut set = Parameters { given: HashMap::new(), environment };
        for (key, value) in parse::parse(url.trim())? {
            known(&key)?;
            // An empty value is as good as none, as in libpq; a later one wins.
            set.given.insert(key, value);
        }
        set.given.retain(|_, value| !value.is_empty());
        set.take_service()?;
        for (key, variable) in PARAMETERS {
            if let Some(value) = environment.get(*variable).filter(|value| !value.is_empty()) {
                set.given.entry((*key).to_owned()).or_insert_with(|| value.clone());
            }
        }
        Ok(set)
    }

    fn take_service(&mut self) -> Result<(), String> {
        let variable = |name: &str| self.environment.get(name).cloned();
        let Some(name) = self.get("service").map(str::to_owned).or_else(|| variable("PGSERVICE")) else {
            return Ok(());
        };
        let named = self.get("servicefile").map(str::to_owned).or_else(|| variable("PGSERVICEFILE"));
        let own = named.map(PathBuf::from).or_else(|| self.home(".pg_service.conf"));
        let system = variable("PGSYSCONFDIR").unwrap_or_else(|| "/etc/postgresql-common".to_owned());
        let paths = own.into_iter().chain([Path::new(&system).join("pg_service.conf")]);
        let found = paths.into_iter().find_map(|path| files::service(&path, &name));
        let pairs = found.ok_or_else(|| format!("there is no definition of service {name:?}"))??;
        for (key, value) in pairs {
            known(&key)?;
            self.given.entry(key).or_insert(value);
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.given.get(key).map(String::as_str)
    }

    fn value<T: FromStr<Err = &'static str>>(&self, key: &str) -> Result<Option<T>, String> {
        let parsed = self.get(key).map(|text| {
            text.parse().map_err(|known: &str| format!("{key}={text} is not one of {}", known.trim_end()))
        });
        parsed.transpose()
    }

    fn number(&self, key: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let number: i64 = text.trim().parse().map_err(|_| format!("{key} is not a number"))?;
        // Zero and less mean the system's default.
        Ok(u64::try_from(number).ok().filter(|number| *number > 0))
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_secs))
    }

    fn home(&self, file: &str) -> Option<PathBuf> {
        self.environment.get("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(home).join(file))
    }

    fn hosts(&self, user: &str, dbname: &str) -> Result<Vec<Host>, String> {
        let list = |key: &str| -> Vec<&str> {
            self.get(key).map(|text| text.split(',').map(str::trim).collect()).unwrap_or_default()
        };
        let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
        if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
            return Err(format!("{} hosts do not match {} hostaddrs", names.len(), addresses.len()));
        }
        let count = names.len().max(addresses.len()).max(1);
        if ports.len() > 1 && ports.len() != count {
            return Err(format!("{} ports do not match {count} hosts", ports.len()));
        }
        (0..count)
            .map(|i| {
                let port = ports.get(i).or(ports.first()).filter(|port| !port.is_empty());
                let port = port.map_or(Ok(PORT), |port| match port.parse() {
                    Ok(port) if port > 0 => Ok(port),
                    _ => Err(format!("{port:?} is not a port")),
                })?;
                let name = names.get(i).copied().filter(|name| !name.is_empty());
                let address = addresses.get(i).copied().filter(|address| !address.is_empty());
                let place = place(name, address)?;
                let password = self.password(&place, port, user, dbname);
                Ok(Host { place, port, password })
            })
            .collect()
    }

    fn password(&self, place: &Place, port: u16, user: &str, dbname: &str) -> Option<String> {
        if let Some(password) = self.get("password") {
            return Some(password.to_owned());
        }
        let path = self.get("passfile").map(PathBuf::from).or_else(|| self.home(".pgpass"))?;
        let host = match place {
            Place::Name(name) | Place::Address { name: Some(name), .. } => name.clone(),
            Place::Address { address, name: None } => address.to_string(),
            Place::Folder(folder) if SOCKET_FOLDERS.iter().any(|known| folder == Path::new(known)) => {
                "localhost".to_owned()
            }
            Place::Folder(folder) => folder.display().to_string(),
        };
        files::password(&path, [&host, &port.to_string(), dbname, user])
    }

    fn ssl(&self) -> Result<Ssl, String> {
        let existing = |file: &str| self.home(file).filter(|path| path.exists());
        let file = |key: &str, default: &str| self.get(key).map(PathBuf::from).or_else(|| existing(default));
        let roots = match self.get("sslrootcert") {
            Some("system") => Roots::System,
            Some(path) => Roots::File(path.into()),
            None => existing(".postgresql/root.crt").map_or(Roots::None, Roots::File),
        };
        let default = if roots == Roots::System { SslMode::VerifyFull } else { SslMode::Prefer };
        let mode = self.value("sslmode")?.unwrap_or(default);
        if roots == Roots::System && mode != SslMode::VerifyFull {
            return Err("sslrootcert=system needs sslmode=verify-full".to_owned());
        }
        // As in libpq, a root file that is not there matters only to those who check.
        let roots = match roots {
            Roots::File(path) if mode < SslMode::VerifyCa && !path.exists() => Roots::None,
            roots => roots,
        };
        let negotiation = match self.get("sslnegotiation") {
            None | Some("postgres") => Negotiation::Asked,
            Some("direct") if mode >= SslMode::Require => Negotiation::Direct,
            Some("direct") => {
                return Err("sslnegotiation=direct needs sslmode=require or stronger".to_owned());
            }
            Some(_) => return Err("sslnegotiation is `postgres` or `direct`".to_owned()),
        };
        let tls13_only = match self.get("ssl_min_protocol_version") {
            None | Some("TLSv1" | "TLSv1.1" | "TLSv1.2") => false,
            Some("TLSv1.3") => true,
            Some(_) => return Err("ssl_min_protocol_version is TLSv1.2 or TLSv1.3".to_owned()),
        };
        let certificate = file("sslcert", ".postgresql/postgresql.crt");
        let key = certificate.as_ref().and_then(|_| file("sslkey", ".postgresql/postgresql.key"));
        let sni = self.get("sslsni") != Some("0");
        Ok(Ssl { mode, negotiation, roots, certificate, key, tls13_only, sni })
    }
}

fn known(key: &str) -> Result<(), String> {
    if UNSUPPORTED.contains(&key) {
        return Err(format!("parameter {key:?} is not supported"));
    }
    if !PARAMETERS.iter().any(|(known, _)| *known == key) {
        return Err(format!("there is no parameter {key:?}"));
    }
    Ok(())
}

fn place(name: Option<&str>, address: Option<&str>) -> Result<Place, String> {
    if let Some(address) = address {
        let address = address.parse().map_err(|_| "hostaddr is not an IP address".to_owned())?;
        return Ok(Place::Address { address, name: name.map(str::to_owned) });
    }
    match name {
        Some(folder) if folder.starts_with('/') => Ok(Place::Folder(folder.into())),
        Some(name) if name.starts_with('@') => Err("abstract unix sockets are not supported".to_owned()),
        Some(name) => Ok(Place::Name(name.to_owned())),
        None => {
            let [debian, upstream] = SOCKET_FOLDERS.map(PathBuf::from);
            Ok(Place::Folder(if debian.is_dir() { debian } else { upstream }))
        }
    }
}
