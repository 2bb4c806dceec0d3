//! Parameters from every source libpq looks at → hosts, with their passwords, and TLS.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Host, Place, Roots, Ssl, SslMode, files, parse};
use crate::postgres::dial::Negotiation;

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

/// Parameters of libpq's that change who is trusted or how, and that we do not follow, with their
/// variables: to ignore one would be to trust more than was asked for.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslpassword", ""),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("requirepeer", "PGREQUIREPEER"),
    ("require_auth", "PGREQUIREAUTH"),
    ("krbsrvname", ""),
    ("gsslib", ""),
    ("gssdelegation", ""),
    ("replication", ""),
    ("scram_client_key", ""),
    ("scram_server_key", ""),
    ("sslkeylogfile", ""),
];

const PORT: u16 = 5432;

/// Where unix sockets are when no host is named: Debian's folder, else upstream's.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// What was given, the first source first: string, service, environment.
pub(super) struct Parameters<'a> {
    given: HashMap<String, String>,
    environment: &'a HashMap<String, String>,
}

impl<'a> Parameters<'a> {
    pub fn gather(url: &str, environment: &'a HashMap<String, String>) -> Result<Parameters<'a>, String> {
        let mut set = Parameters { given: HashMap::new(), environment };
        for (key, value) in parse::parse(url.trim())? {
            known(&key)?;
            // An empty value is as good as none, as in libpq; a later one wins.
            set.given.insert(key, value);
        }
        set.given.retain(|_, value| !value.is_empty());
        set.take_service()?;
        let given = |variable: &str| environment.get(variable).is_some_and(|value| !value.is_empty());
        if let Some((_, variable)) = UNSUPPORTED.iter().find(|(_, variable)| given(variable)) {
            return Err(format!("{variable} is set, which is not supported"));
        }
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

    pub fn get(&self, key: &str) -> Option<&str> {
        self.given.get(key).map(String::as_str)
    }

    pub fn value<T: FromStr<Err = &'static str>>(&self, key: &str) -> Result<Option<T>, String> {
        let parsed = self.get(key).map(|text| {
            text.parse().map_err(|known: &str| format!("{key}={text} is not one of {}", known.trim_end()))
        });
        parsed.transpose()
    }

    pub fn number(&self, key: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let number: i64 = text.trim().parse().map_err(|_| format!("{key} is not a number"))?;
        // Zero and less mean the system's default.
        Ok(u64::try_from(number).ok().filter(|number| *number > 0))
    }

    pub fn seconds(&self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key)?.map(Duration::from_secs))
    }

    fn home(&self, file: &str) -> Option<PathBuf> {
        self.environment.get("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(home).join(file))
    }

    pub fn hosts(&self, user: &str, dbname: &str) -> Result<Vec<Host>, String> {
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
                    // What stands there may be the end of a password with a `/` in it.
                    _ => Err("a port is not a number from 1 to 65535, or a `/` is not encoded".to_owned()),
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

    pub fn ssl(&self) -> Result<Ssl, String> {
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
    if UNSUPPORTED.iter().any(|(unsupported, _)| *unsupported == key) {
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
