//! The configuration → the settings of each module.
//!
//! A default is what the configuration of someone who set nothing gives, so that it is declared once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::env;

use crate::config::{self, Config};
use crate::contract::ReflectOptions;
use crate::plan::bind::Limits;
use crate::plan::filter;
use crate::plan::token::Keys;
use crate::telemetry::{self, Telemetry};
use crate::{cache, embedded, grpc, pipeline, postgres, redis, upkeep};

/// As every OpenTelemetry SDK knows it.
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

impl Default for postgres::Settings {
    /// Of the process' environment it knows nothing.
    fn default() -> Self {
        postgres::Settings { environment: HashMap::new(), ..postgres(&declared(), "", &Telemetry::default()) }
    }
}

impl Default for grpc::Settings {
    fn default() -> Self {
        grpc(&declared(), &Telemetry::default())
    }
}

impl Default for grpc::Compression {
    fn default() -> Self {
        grpc::Settings::default().compression
    }
}

impl Default for embedded::Settings {
    fn default() -> Self {
        embedded(&declared())
    }
}

impl Default for redis::Settings {
    /// Of where it is it knows nothing.
    fn default() -> Self {
        redis(&declared())
    }
}

impl Default for upkeep::feed::Settings {
    fn default() -> Self {
        feed(&declared())
    }
}

fn declared() -> Config {
    Config::defaults().expect("a declared default is of its kind and in its range, as a test of config shows")
}

pub fn postgres(config: &Config, url: &str, telemetry: &Telemetry) -> postgres::Settings {
    let (database, cancel) = (&config.postgres, &config.cancel);
    postgres::Settings {
        url: url.to_owned(),
        environment: environment(),
        role: match config.replicas.urls.is_empty() {
            true => postgres::Role::Any,
            false => postgres::Role::Primary,
        },
        connections_max: database.connections_max,
        connections_min: database.connections_kept,
        wait_max: database.wait_max,
        waiting_max: database.waiting_max,
        idle_max: database.idle_max,
        lifetime_max: database.lifetime,
        lifetime_jitter: database.lifetime_jitter.as_secs_f64() / database.lifetime.as_secs_f64(),
        check_after: database.check_after,
        connect_timeout: database.connect_max,
        statement_max: database.statement_max,
        statements_max: database.statements_max,
        cancel_wait_max: cancel.wait_max,
        cancels_max: cancel.cancels_max,
        pooler: match database.pooler {
            config::Pooler::Direct => postgres::Pooler::Direct,
            config::Pooler::Transaction => postgres::Pooler::Transaction,
        },
        encoding: match database.encoding_unchecked {
            true => postgres::Encoding::Unchecked,
            false => postgres::Encoding::Checked,
        },
        access: postgres::Access::ReadOnly,
        probe_every: database.probe_interval,
        keepalives_idle: database.keepalives_idle,
        keepalives_interval: database.keepalives_interval,
        keepalives_retries: database.keepalives_retries,
        tcp_user_timeout: database.tcp_user_timeout,
        telemetry: telemetry.clone(),
        purpose: postgres::Purpose::Calls,
    }
}

pub fn replicas(config: &Config, telemetry: &Telemetry) -> postgres::Replicas {
    let replicas = &config.replicas;
    let standby = |url: &config::Secret| {
        let as_primary = postgres(config, url.reveal(), telemetry);
        postgres::Settings {
            role: postgres::Role::Standby,
            connections_max: replicas.connections_max.unwrap_or(as_primary.connections_max),
            connections_min: replicas.connections_kept.unwrap_or(as_primary.connections_min),
            ..as_primary
        }
    };
    postgres::Replicas {
        standbys: replicas.urls.iter().map(standby).collect(),
        patience: replicas.patience,
        watch_interval: replicas.watch_interval,
        lag_max: replicas.lag_max,
    }
}

/// For the feed and for `migrate`: one connection to the primary that may write, beside those of calls.
pub fn writing(config: &Config, url: &str, telemetry: &Telemetry) -> postgres::Settings {
    postgres::Settings {
        connections_max: 1,
        connections_min: 0,
        role: postgres::Role::Primary,
        access: postgres::Access::ReadWrite,
        purpose: postgres::Purpose::Feed,
        ..postgres(config, url, telemetry)
    }
}

/// What is asked beside calls and feed, and may have to wait: plans of slow statements, and what backends wait for.
pub fn asking(config: &Config, url: &str, telemetry: &Telemetry) -> postgres::Settings {
    postgres::Settings {
        connections_max: 1,
        connections_min: 0,
        role: postgres::Role::Primary,
        purpose: postgres::Purpose::Upkeep,
        ..postgres(config, url, telemetry)
    }
}

/// Fails when a file cannot be read.
pub fn telemetry(config: &Config) -> Result<telemetry::Settings, telemetry::Error> {
    let (told, log) = (&config.telemetry, &config.log);
    let authorities = told.tls_authorities.as_ref().map(|path| {
        let unread = |source| telemetry::Error::Authorities { path: path.clone(), source };
        std::fs::read(path).map_err(unread)
    });
    let disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|said| said.eq_ignore_ascii_case("true"));
    let endpoint = told.endpoint.clone().or_else(|| env::var(OTLP_ENDPOINT).ok());
    Ok(telemetry::Settings {
        endpoint: endpoint.filter(|endpoint| !endpoint.is_empty() && !disabled),
        authorities: authorities.transpose()?,
        export_max: told.export_max,
        metrics_interval: told.metrics_interval,
        traces_ratio: told.traces_ratio,
        traces_per_second: told.traces_per_second,
        failures_per_second: told.failures_per_second,
        traces_waiting_max: told.traces_waiting_max,
        logs: told.logs,
        logs_waiting_max: told.logs_waiting_max,
        log: telemetry::Lines {
            slow: log.slow,
            explain: Some(log.explain).filter(|explain| !explain.is_zero()),
            per_second: log.calls_per_second,
        },
        sentry: told.sentry_dsn.clone(),
    })
}

pub fn feed(config: &Config) -> upkeep::feed::Settings {
    let feed = &config.feed;
    upkeep::feed::Settings {
        interval: feed.interval,
        poll_max: feed.poll_max,
        look_interval: feed.look_interval,
        changes_max: feed.changes_max,
        bytes_max: feed.bytes_max.bytes(),
        keep: feed.keep,
        clean_interval: feed.clean_interval,
        clean_rows_max: feed.clean_rows_max,
    }
}

pub fn ledger(config: &Config) -> cache::Limits {
    cache::Limits { tags_max: config.feed.tags_max, xids_max: config.feed.transactions_max }
}

fn environment() -> HashMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

pub fn pipeline(config: &Config) -> pipeline::Settings {
    let rows = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
    pipeline::Settings {
        limits: Limits {
            page_default: rows(config.pages.size_default),
            page_max: rows(config.pages.size_max),
            batch_max: config.limits.batch_max,
            filter: filter::Limits {
                bytes_max: config.limits.filter_bytes_max.bytes(),
                terms_max: config.limits.filter_terms_max,
            },
            token_age_max: config.tokens.age_max,
        },
        page_bytes_max: config.pages.bytes_max.bytes(),
        message_bytes_max: config.limits.message_bytes_max.bytes(),
        total_exact_max: config.pages.total_exact_max as u64,
        function_bytes_max: config.function.bytes_max.bytes(),
        keep: pipeline::Keep {
            store: cache::Settings {
                bytes_max: config.cache.bytes_max.bytes(),
                entry_bytes_max: config.cache.entry_bytes_max.bytes(),
            },
            ttl: config.cache.ttl,
            idle: config.cache.idle,
            lag_max: config.cache.lag_max,
            verify_one_in: config.cache.verify_one_in,
        },
        join: pipeline::Join {
            calls_max: config.join.calls_max,
            statements_max: config.join.statements_max,
            waiting_max: config.join.waiting_max,
        },
        stream: pipeline::Stream {
            streams_max: config.stream.streams_max,
            stall_max: config.stream.stall_max,
            ahead_bytes: config.stream.ahead_bytes.bytes(),
            ahead_total_bytes: config.stream.ahead_total_bytes.bytes(),
        },
    }
}

/// Of no use without a URL.
pub fn redis(config: &Config) -> redis::Settings {
    let store = &config.redis;
    redis::Settings {
        urls: store.url.iter().map(|url| url.reveal().to_owned()).collect(),
        kind: match store.cluster || store.url.len() > 1 {
            true => redis::Kind::Cluster,
            false => redis::Kind::Single,
        },
        tls: redis::Tls {
            authorities: store.tls_authorities.clone(),
            identity: store.tls_certificate.clone().zip(store.tls_key.clone()),
        },
        prefix: store.prefix.clone(),
        wait_max: store.wait_max,
        connect_max: store.connect_max,
        batch_max: store.batch_max,
        waiting_max: store.waiting_max,
        entry_bytes_max: store.entry_bytes_max.bytes(),
        puts_max: store.puts_max,
        puts_bytes_max: store.puts_bytes_max.bytes(),
        failures_max: store.failures_max,
        retry_max: store.retry_max,
    }
}

/// Without keys in the settings, tokens are good for as long as the process lives.
pub fn keys(config: &Config) -> Keys {
    let mut told = config.tokens.keys.iter().map(|key| *key.reveal());
    match told.next() {
        Some(first) => Keys::new(first, told),
        None => Keys::new(rand::random(), []),
    }
}

pub fn grpc(config: &Config, telemetry: &Telemetry) -> grpc::Settings {
    let (listener, compression) = (&config.listener, &config.compression);
    let tls = match (&listener.tls_certificate, &listener.tls_key) {
        (Some(certificate), Some(key)) => Some(grpc::Tls {
            certificate: certificate.clone(),
            key: key.clone(),
            client_roots: listener.tls_client_authorities.clone(),
        }),
        _ => None,
    };
    grpc::Settings {
        telemetry: telemetry.clone(),
        address: listener.address,
        tls,
        connections_max: listener.connections_max,
        streams_max: listener.streams_max,
        calls_max: listener.calls_max,
        refusals_per_second: listener.refusals_per_second,
        headers_bytes_max: u32::try_from(listener.headers_bytes_max.bytes()).unwrap_or(u32::MAX),
        message_bytes_max: config.limits.message_bytes_max.bytes(),
        age_max: listener.age_max,
        age_jitter: listener.age_jitter,
        age_grace: listener.age_grace,
        keepalive_interval: listener.keepalive_interval,
        keepalive_timeout: listener.keepalive_timeout,
        handshake_max: listener.handshake_max,
        unread_max: listener.unread_max,
        frame_max: listener.frame_max,
        request_max: listener.request_max,
        stall_max: listener.stall_max,
        idle_max: listener.idle_max,
        control_frames_per_second: listener.control_frames_per_second,
        resets_per_second: listener.resets_per_second,
        send_buffer_bytes: listener.send_buffer_bytes.bytes(),
        receive_buffer_bytes: u32::try_from(listener.receive_buffer_bytes.bytes()).unwrap_or(u32::MAX >> 1),
        answers_bytes_max: listener.answers_bytes_max.bytes(),
        drain_grace: listener.drain_grace,
        deadline_default: config.limits.deadline_default,
        compression: grpc::Compression {
            bytes_min: compression.bytes_min.bytes(),
            inline_bytes_max: compression.inline_bytes_max.bytes(),
            loopback: compression.loopback,
        },
        reflection_options: match config.reflection.options {
            true => ReflectOptions::Shown,
            false => ReflectOptions::Hidden,
        },
    }
}

pub fn embedded(config: &Config) -> embedded::Settings {
    embedded::Settings {
        folder: config.embedded.directory.clone(),
        load: Cow::Borrowed(embedded::example().1),
        start_max: config.embedded.start_max,
        stop_max: config.embedded.stop_max,
    }
}
