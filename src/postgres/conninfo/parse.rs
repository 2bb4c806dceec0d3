//! A connection string → its parameters, as libpq splits it: a URI, or `key=value` pairs.

use percent_encoding::percent_decode_str;

/// Parameters in the order given; messages never contain a value, which might be a password.
pub(super) type Pairs = Vec<(String, String)>;

pub(super) fn parse(text: &str) -> Result<Pairs, String> {
    match ["postgresql://", "postgres://"].iter().find_map(|scheme| text.strip_prefix(scheme)) {
        Some(rest) => uri(rest),
        None => key_values(text),
    }
}

fn uri(text: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            pairs.push((key.to_owned(), value));
        }
    };
    let (text, query) = match text.split_once('?') {
        Some((text, query)) => (text, Some(query)),
        None => (text, None),
    };
    let (authority, database) = match text.split_once('/') {
        Some((authority, database)) => (authority, database),
        None => (text, ""),
    };
    let hosts = match authority.split_once('@') {
        Some((credentials, hosts)) => {
            let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
            put("user", decode(user)?);
            put("password", decode(password)?);
            hosts
        }
        None => authority,
    };
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(address) => {
                let (address, rest) =
                    address.split_once(']').ok_or("an IPv6 address has no closing bracket")?;
                if address.is_empty() {
                    return Err("an IPv6 address is empty".to_owned());
                }
                let port = match rest.strip_prefix(':') {
                    Some(port) => port,
                    None if rest.is_empty() => "",
                    None => return Err("an IPv6 address is followed by something that is no port".to_owned()),
                };
                (address, port)
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decode(name)?);
        ports.push(decode(port)?);
    }
    if names.iter().any(|name| !name.is_empty()) {
        put("host", names.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        put("port", ports.join(","));
    }
    put("dbname", decode(database)?);
    for parameter in query.into_iter().flat_map(|query| query.split('&')) {
        let (key, value) =
            parameter.split_once('=').ok_or("a parameter after `?` has no `=`, or the `?` is not encoded")?;
        if value.contains('=') {
            return Err(format!("parameter {key:?} has more than one `=`"));
        }
        let (key, value) = (decode(key)?, decode(value)?);
        match (key.as_str(), value.as_str()) {
            // As JDBC writes it.
            ("ssl", "true") => pairs.push(("sslmode".to_owned(), "require".to_owned())),
            _ => pairs.push((key, value)),
        }
    }
    Ok(pairs)
}

fn decode(text: &str) -> Result<String, String> {
    let mut rest = text.split('%');
    rest.next();
    let hex = |part: &str| {
        part.get(..2).is_some_and(|code| code.bytes().all(|b| b.is_ascii_hexdigit()) && code != "00")
    };
    if !rest.all(hex) {
        return Err("a `%` is not followed by two hexadecimal digits: write `%25`".to_owned());
    }
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| "a percent-encoded part is not UTF-8".to_owned())?.into_owned())
}

fn key_values(text: &str) -> Result<Pairs, String> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            return Err("neither a postgres:// URI nor key=value pairs: a key has no `=`".to_owned());
        };
        let (value, after) = value_of(value.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// A value up to white space, or quoted; a backslash takes the next character as it is.
fn value_of(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (Some('\''), body),
        None => (None, text),
    };
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted.is_some() => return Ok((value, &body[at + 1..])),
            space if quoted.is_none() && space.is_whitespace() => return Ok((value, &body[at..])),
            other => value.push(other),
        }
    }
    match quoted {
        Some(_) => Err("a quoted value has no closing quote".to_owned()),
        None => Ok((value, "")),
    }
}
