//! A fresh socket and a password → a connection Postgres has let in.

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::conninfo::{Binding, Conninfo, Host};
use super::dial::Encrypted;
use super::error::Error;
use super::wire::{Incoming, Wire, failure};

/// What the server calls the connection, for cancels.
pub(super) struct Admitted {
    pub process_id: i32,
    pub secret_key: i32,
}

pub(super) async fn start_up(
    wire: &mut Wire,
    conninfo: &Conninfo,
    host: &Host,
    encrypted: Option<&Encrypted>,
) -> Result<Admitted, Error> {
    let mut parameters = vec![
        ("user", conninfo.user.as_str()),
        ("database", &conninfo.dbname),
        ("client_encoding", "UTF8"),
        ("application_name", &conninfo.application_name),
    ];
    parameters.extend(conninfo.options.as_deref().map(|options| ("options", options)));
    frontend::startup_message(parameters, &mut wire.write)?;
    authenticate(wire, conninfo, host, encrypted).await?;
    let mut admitted = Admitted { process_id: 0, secret_key: 0 };
    loop {
        match next(wire).await? {
            Message::BackendKeyData(body) => {
                admitted = Admitted { process_id: body.process_id(), secret_key: body.secret_key() };
            }
            Message::ReadyForQuery(_) => return Ok(admitted),
            Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
            _ => return Err(unexpected()),
        }
    }
}

async fn authenticate(
    wire: &mut Wire,
    conninfo: &Conninfo,
    host: &Host,
    encrypted: Option<&Encrypted>,
) -> Result<(), Error> {
    let password = || {
        let missing = || Error::Unreachable("the server wants a password, and none is given".to_owned());
        host.password.as_deref().ok_or_else(missing)
    };
    let message = next(wire).await?;
    if conninfo.binding == Binding::Require && !matches!(message, Message::AuthenticationSasl(_)) {
        return Err(Error::Unreachable("channel_binding=require: the server does not bind".to_owned()));
    }
    match message {
        Message::AuthenticationOk => return Ok(()),
        Message::AuthenticationCleartextPassword => {
            frontend::password_message(password()?.as_bytes(), &mut wire.write)?;
        }
        Message::AuthenticationMd5Password(body) => {
            let hash = md5_hash(conninfo.user.as_bytes(), password()?.as_bytes(), body.salt());
            frontend::password_message(hash.as_bytes(), &mut wire.write)?;
        }
        Message::AuthenticationSasl(body) => {
            scram(wire, &body, password()?, conninfo.binding, encrypted).await?;
        }
        _ => {
            let text = "the server wants a kind of authentication that is not supported";
            return Err(Error::Unreachable(text.to_owned()));
        }
    }
    match next(wire).await? {
        Message::AuthenticationOk => Ok(()),
        _ => Err(unexpected()),
    }
}

async fn scram(
    wire: &mut Wire,
    body: &AuthenticationSaslBody,
    password: &str,
    binding: Binding,
    encrypted: Option<&Encrypted>,
) -> Result<(), Error> {
    let offered: Vec<String> = body.mechanisms().map(|name| Ok(name.to_owned())).collect()?;
    let offers = |name: &str| offered.iter().any(|offer| offer == name);
    let hash = encrypted.and_then(|encrypted| encrypted.binding.clone());
    let (mechanism, bound) = match hash {
        Some(hash) if binding != Binding::Disable && offers(SCRAM_SHA_256_PLUS) => {
            (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash))
        }
        _ if binding == Binding::Require => {
            return Err(Error::Unreachable(
                "channel_binding=require: there is nothing to bind to".to_owned(),
            ));
        }
        // Says that we could have bound, so that nobody in between can hide the server's offer.
        Some(_) if binding == Binding::Prefer => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        _ => (SCRAM_SHA_256, ChannelBinding::unsupported()),
    };
    if !offers(mechanism) {
        return Err(Error::Unreachable(format!("the server offers none but {}", offered.join(", "))));
    }
    let broken = |error: std::io::Error| Error::Unreachable(format!("SCRAM: {error}"));
    let mut scram = ScramSha256::new(password.as_bytes(), bound);
    frontend::sasl_initial_response(mechanism, scram.message(), &mut wire.write)?;
    let Message::AuthenticationSaslContinue(body) = next(wire).await? else { return Err(unexpected()) };
    scram.update(body.data()).map_err(broken)?;
    frontend::sasl_response(scram.message(), &mut wire.write)?;
    let Message::AuthenticationSaslFinal(body) = next(wire).await? else { return Err(unexpected()) };
    scram.finish(body.data()).map_err(broken)
}

async fn next(wire: &mut Wire) -> Result<Message, Error> {
    let taken = wire.receive(0, |incoming| match incoming {
        Incoming::Message(Message::ErrorResponse(body)) => Err(Error::Sql(Box::new(failure(body.fields())))),
        Incoming::Message(message) => Ok(message),
        Incoming::Row(_) | Incoming::Oversized(_) => Err(unexpected()),
    });
    taken.await
}

fn unexpected() -> Error {
    Error::Protocol("an answer that does not belong to a start".to_owned())
}
