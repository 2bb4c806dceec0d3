//! URLs, pairs, environments and files, each as libpq reads it.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;
use crate::damage::{self, timed};

fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// One line that says everything a case is about.
fn summary(url: &str, pairs: &[(&str, &str)]) -> Result<String, String> {
    let read = conninfo(url, &environment(pairs))?;
    let hosts: Vec<String> = read
        .hosts
        .iter()
        .map(|host| {
            let place = match &host.place {
                Place::Name(name) => name.clone(),
                Place::Address { address, name } => format!("{}={address}", name.as_deref().unwrap_or("")),
                Place::Folder(folder) => folder.display().to_string(),
            };
            let password = host.password.as_ref().map(|password| format!(" password {password:?}"));
            format!("{place}:{}{}", host.port, password.unwrap_or_default())
        })
        .collect();
    Ok(format!("{} / {} @ {}", read.user, read.dbname, hosts.join(", ")))
}

#[test]
fn places_are_read_as_libpq_reads_them() {
    for (url, expected) in [
        ("postgres://u@h", "u / u @ h:5432"),
        ("postgresql://u:p%40ss@h:6543/d", r#"u / d @ h:6543 password "p@ss""#),
        ("postgres://u:a:b@h/d", r#"u / d @ h:5432 password "a:b""#),
        ("postgres://u@h1:1,h2:2,h3/d", "u / d @ h1:1, h2:2, h3:5432"),
        ("postgres://u@h1:1,h2:2/d", "u / d @ h1:1, h2:2"),
        ("postgres://u@h1,h2/d?port=7", "u / d @ h1:7, h2:7"),
        ("postgres://u@[::1]:7,[2001:db8::1]:8/d", "u / d @ ::1:7, 2001:db8::1:8"),
        ("postgres://u@%2Ftmp%2Fpg:7/d", "u / d @ /tmp/pg:7"),
        ("postgres:///d?host=/tmp/pg&user=u", "u / d @ /tmp/pg:5432"),
        ("postgres://u@h/d?hostaddr=10.0.0.1", "u / d @ h=10.0.0.1:5432"),
        ("postgres://u@/d?hostaddr=::1,10.0.0.1", "u / d @ =::1:5432, =10.0.0.1:5432"),
        ("postgres://u@h/a%2Fb%3F", "u / a/b? @ h:5432"),
        ("host=h port=7 user=u dbname=d", "u / d @ h:7"),
        (r"host = 'h' user='o\'brien' password='a b\\'", r#"o'brien / o'brien @ h:5432 password "a b\\""#),
        ("host=h user=u password=''", "u / u @ h:5432"),
        ("user=u host=h1,h2 port=1,2 hostaddr=10.0.0.1,", "u / u @ h1=10.0.0.1:1, h2:2"),
    ] {
        assert_eq!(summary(url, &[]).as_deref(), Ok(expected), "{url}");
    }
}

#[test]
fn an_empty_port_in_a_list_is_the_usual_one() {
    assert_eq!(summary("user=u host=h1,h2 port=1,", &[]).unwrap(), "u / u @ h1:1, h2:5432");
}

#[test]
fn what_is_wrong_is_named_and_no_password_is_shown() {
    for (url, expected) in [
        ("postgres://u:secret@h/d?sslmod=require", r#"there is no parameter "sslmod""#),
        ("postgres://u:secret@h/d?sslcrl=x", r#"parameter "sslcrl" is not supported"#),
        (
            "postgres://u:secret@h/d?sslmode=yes",
            "sslmode=yes is not one of `disable` `allow` `prefer` `require` `verify-ca` `verify-full`",
        ),
        ("postgres://u:secret/@h/d", "a port is not a number from 1 to 65535, or a `/` is not encoded"),
        ("postgres://u:secret@h:0/d", "a port is not a number from 1 to 65535, or a `/` is not encoded"),
        ("postgres://u:se%cret@h/d", "a `%` is not followed by two hexadecimal digits: write `%25`"),
        ("postgres://u:secret@h/d?connect_timeout=soon", "connect_timeout is not a number"),
        ("host=h password=secret user", "neither a postgres:// URI nor key=value pairs: a key has no `=`"),
        ("host=h password='secret", "a quoted value has no closing quote"),
        ("user=u host=a,b hostaddr=10.0.0.1", "2 hosts do not match 1 hostaddrs"),
        ("user=u host=a,b port=1,2,3", "3 ports do not match 2 hosts"),
        ("user=u host=a hostaddr=b", "hostaddr is not an IP address"),
        ("user=u client_encoding=latin1", "client_encoding can only be UTF8"),
        ("user=u sslrootcert=system sslmode=require", "sslrootcert=system needs sslmode=verify-full"),
        (
            "user=u sslnegotiation=direct sslmode=prefer",
            "sslnegotiation=direct needs sslmode=require or stronger",
        ),
        ("user=u service=nowhere", r#"there is no definition of service "nowhere""#),
    ] {
        let message = summary(url, &[]).unwrap_err();
        assert_eq!(message, expected, "{url}");
        assert!(!message.contains("secret"));
    }
}

#[test]
fn the_environment_says_what_the_url_does_not() {
    let pairs =
        [("PGHOST", "e"), ("PGPORT", "7"), ("PGUSER", "eu"), ("PGPASSWORD", "ep"), ("PGDATABASE", "ed")];
    assert_eq!(summary("", &pairs).unwrap(), r#"eu / ed @ e:7 password "ep""#);
    assert_eq!(summary("postgres://u:p@h:1/d", &pairs).unwrap(), r#"u / d @ h:1 password "p""#);
    let read = conninfo("user=u", &environment(&[("PGSSLMODE", "require"), ("PGAPPNAME", "mine")])).unwrap();
    assert_eq!(read.ssl.mode, SslMode::Require);
    assert_eq!(read.application_name, "mine");
    let refused = summary("user=u", &[("PGREQUIREAUTH", "none")]);
    assert_eq!(refused.unwrap_err(), "PGREQUIREAUTH is set, which is not supported");
}

#[test]
fn the_rest_is_followed_too() {
    let read = conninfo(
        "postgres://u@h/d?target_session_attrs=prefer-standby&load_balance_hosts=random&connect_timeout=3\
         &channel_binding=require&keepalives_idle=30&keepalives_count=4&tcp_user_timeout=1500&options=-c%20a%3Db\
         &ssl=true&sslsni=0&ssl_min_protocol_version=TLSv1.3",
        &HashMap::new(),
    )
    .unwrap();
    assert_eq!(read.target, Target::PreferStandby);
    assert_eq!(read.order, Order::Random);
    assert_eq!(read.binding, Binding::Require);
    assert_eq!(read.connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(read.keepalives.idle, Some(Duration::from_secs(30)));
    assert_eq!(read.keepalives.count, Some(4));
    assert_eq!(read.keepalives.user_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(read.options.as_deref(), Some("-c a=b"));
    assert_eq!(read.ssl.mode, SslMode::Require);
    assert!(!read.ssl.sni && read.ssl.tls13_only);
    assert_eq!(read.application_name, "rowcall");
    let read = conninfo("user=u sslrootcert=system", &HashMap::new()).unwrap();
    assert_eq!(read.ssl.mode, SslMode::VerifyFull);
}

#[test]
fn passwords_come_from_a_file_that_only_we_can_read() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".pgpass");
    fs::write(&path, "# not this\nh:*:d:other:no\nh:5432:d:u:with\\:colon\\\\\n*:*:*:*:any:thing\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let at_home = [("HOME", home.path().to_str().unwrap())];
    assert_eq!(summary("postgres://u@h/d", &at_home).unwrap(), r#"u / d @ h:5432 password "with:colon\\""#);
    assert_eq!(summary("postgres://u@x/d", &at_home).unwrap(), r#"u / d @ x:5432 password "any:thing""#);
    let named = format!("host=h user=u dbname=d passfile={}", path.display());
    assert_eq!(summary(&named, &[]).unwrap(), r#"u / d @ h:5432 password "with:colon\\""#);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(summary("postgres://u@h/d", &at_home).unwrap(), "u / d @ h:5432");
}

#[test]
fn a_service_stands_between_url_and_environment() {
    let home = tempfile::tempdir().unwrap();
    fs::write(
        home.path().join(".pg_service.conf"),
        "[other]\nhost=no\n\n# ours\n[mine]\nhost=s\nuser = su\nport=9\n[next]\nport=1\n",
    )
    .unwrap();
    let pairs = [("HOME", home.path().to_str().unwrap()), ("PGPORT", "7"), ("PGDATABASE", "ed")];
    assert_eq!(summary("service=mine user=u", &pairs).unwrap(), "u / ed @ s:9");
}

const GOOD: [&str; 8] = [
    "postgresql://u:p%40ss@h:6543/d?sslmode=require&connect_timeout=3",
    "postgres://u@h1:1,h2:2,h3/d?target_session_attrs=read-write",
    "postgres://u@[::1]:7,[2001:db8::1]:8/d",
    "postgres://u@%2Ftmp%2Fpg:7/d?application_name=a%20b",
    "postgres://u@h/d?hostaddr=10.0.0.1&keepalives_idle=5&tcp_user_timeout=1500",
    r"host = 'h' user='o\'brien' password='a b\\' dbname=d",
    "user=u host=h1,h2 port=1,2 hostaddr=10.0.0.1, options='-c a=b'",
    "host=h user=u passfile=/nowhere sslrootcert=system channel_binding=prefer",
];

proptest! {
    /// Never a panic; and what is wrong is said without the password, which logs are no place for.
    #[test]
    fn any_text_is_read_or_refused(text in damage::texts(GOOD), variable in damage::texts(["7", "h", "require"])) {
        let pairs = [("PGHOST", "h"), ("PGUSER", "u"), ("PGPORT", &variable), ("PGSSLMODE", &variable)];
        for pairs in [&pairs[..2], &pairs[..3], &pairs[..]] {
            if let Err(said) = timed(&text, || conninfo(&text, &environment(pairs))) {
                prop_assert!(!said.trim().is_empty(), "{text}");
            }
        }
    }
}
