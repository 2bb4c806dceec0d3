//! Every setting there is: name, kind, default, range and what it does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::declare::{Setting, settings};
use super::reader::Reader;
use super::value::{Key, LogFormat, Pooler, Secret, Size, Urls, Value};

const SECOND: Duration = Duration::from_secs(1);
const TEN_MILLISECONDS: Duration = Duration::from_millis(10);

settings! {
    /// The contract that is served.
    contract: Contract {
        /// Folders of `.proto` files, `.proto` files, or compiled descriptor sets.
        paths: Vec<PathBuf> = "",
        /// Refuse to start when a resource does not fit the database, instead of leaving it out.
        strict: bool = "false",
    }

    /// Where callers connect.
    listener: Listener {
        /// The address callers connect to; `0.0.0.0:50051` for all of them.
        address: SocketAddr = "127.0.0.1:50051",
        /// The server's certificate chain (PEM); with it and its key, the listener speaks TLS only.
        tls_certificate: Option<PathBuf> = "",
        /// The private key of the certificate (PEM).
        tls_key: Option<PathBuf> = "",
        /// Authorities (PEM) that callers' certificates must come from; with it, TLS is mutual.
        tls_client_authorities: Option<PathBuf> = "",
        /// Time for a new connection to begin: TLS handshake, HTTP/2 preface and settings together.
        handshake_max: Duration = "5s" in SECOND..,
        /// Time for a frame, or for the headers of a call, from the first byte to the last.
        frame_max: Duration = "10s" in SECOND..,
        /// Time for the request of a call to arrive; the call's deadline bounds it too.
        request_max: Duration = "30s" in SECOND..,
        /// A connection that takes nothing of the answers it is owed for so long is closed.
        stall_max: Duration = "4m" in SECOND..,
        /// A connection without calls for so long is asked to end (GOAWAY).
        idle_max: Duration = "2m" in SECOND..,
        /// Pings, settings and other frames beside calls, per second and connection; ten times as many at once.
        control_frames_per_second: u32 = "1000" in 1..,
        /// Calls that their caller cancels, per second and connection; ten times as many at once.
        resets_per_second: u32 = "1000" in 1..,
        /// Of every answer under way, so much is buffered to be sent, and one message.
        send_buffer_bytes: Size = "64KiB" in Size::new(1024)..,
        /// The window for requests of a connection: so much may be sent that is not read.
        receive_buffer_bytes: Size = "1MiB" in Size::new(65_535)..Size::new(1 << 31),
        /// Unary answers that a connection has not taken, in bytes; then its further calls wait.
        answers_bytes_max: Size = "16MiB",
        /// Connections at once; further ones are closed as they come.
        connections_max: usize = "10000" in 1..,
        /// Calls at once on one connection; the caller's library holds back further ones.
        streams_max: u32 = "1000" in 1..,
        /// Calls at once on all connections; further ones are OVERLOADED.
        calls_max: usize = "10000" in 1..,
        /// Calls refused for load per second, on all connections; a further refusal is told up to 1s later.
        refusals_per_second: u32 = "5000" in 1..,
        /// The headers of a call.
        headers_bytes_max: Size = "16KiB" in Size::new(1024)..,
        /// Age at which a connection is asked to end (GOAWAY), so that callers spread over instances.
        age_max: Duration = "5m" in SECOND..,
        /// At most so much is added to each connection's age, at random.
        age_jitter: Duration = "30s",
        /// Time for the calls of a connection that was asked to end.
        age_grace: Duration = "60s",
        /// A connection is pinged when nothing came for so long.
        keepalive_interval: Duration = "30s" in SECOND..,
        /// A connection is closed when a ping is not answered for so long.
        keepalive_timeout: Duration = "20s" in SECOND..,
        /// Time a caller may take nothing of any answer, which is then let go.
        unread_max: Duration = "3m" in SECOND..,
        /// Time for running calls after SIGTERM.
        drain_grace: Duration = "20s",
    }

    /// The database and its pool.
    postgres: Postgres {
        /// Where the database is, as libpq reads it; `DATABASE_URL` means the same.
        url: Option<Secret> = "",
        /// What stands in between: `direct`, or `transaction` for a pooler without prepared statements.
        pooler: Pooler = "direct",
        /// Connections kept open when idle; never more than `postgres.connections_max`.
        connections_kept: u32 = "2",
        /// Connections at most.
        connections_max: u32 = "20" in 1..,
        /// Time a call waits for a connection; one that would wait longer is DATABASE_BUSY at once.
        wait_max: Duration = "3s",
        /// Calls that wait for a connection at once; a further one is DATABASE_BUSY.
        waiting_max: usize = "1000",
        /// Time to connect to the database.
        connect_max: Duration = "5s" in SECOND..,
        /// An idle connection is closed after so long.
        idle_max: Duration = "10m" in SECOND..,
        /// A connection is replaced after so long.
        lifetime: Duration = "30m" in SECOND..,
        /// At most so much is taken off each connection's lifetime, at random.
        lifetime_jitter: Duration = "5m",
        /// A connection that was idle for longer is tried before it is used.
        check_after: Duration = "1s",
        /// How often an unreachable database is tried while no call does.
        probe_interval: Duration = "1s",
        /// TCP keepalive: idle time before the first probe.
        keepalives_idle: Duration = "60s" in SECOND..,
        /// TCP keepalive: time between probes.
        keepalives_interval: Duration = "10s" in SECOND..,
        /// TCP keepalive: unanswered probes before a connection is given up.
        keepalives_retries: u32 = "3" in 1..,
        /// A connection is given up when the host acknowledges nothing that was sent for so long (Linux).
        tcp_user_timeout: Duration = "3s" in SECOND..,
        /// Prepared statements kept per connection.
        statements_max: usize = "256" in 1..,
        /// Time a statement may run, whatever the caller's deadline.
        statement_max: Duration = "60s" in SECOND..,
        /// Serve a database in SQL_ASCII; every string is then checked to be UTF-8.
        encoding_unchecked: bool = "false",
    }

    /// Standbys beside the primary, which reads go to.
    replicas: Replicas {
        /// The standbys of the database that reads go to, each as `postgres.url` is written; between URIs outside of an array stands a comma or a space.
        urls: Urls = "",
        /// Connections at most to each; unset, as many as `postgres.connections_max`.
        connections_max: Option<u32> = "",
        /// Connections kept open to each when idle; unset, as many as `postgres.connections_kept`.
        connections_kept: Option<u32> = "",
        /// A read that a standby has not answered for so long is asked of the primary too.
        patience: Duration = "500ms" in TEN_MILLISECONDS..,
        /// How often each server is asked what it is and how far it is; a standby that was too old for a read rests as long.
        watch_interval: Duration = "250ms" in TEN_MILLISECONDS..,
        /// A standby that is further behind is not asked.
        lag_max: Duration = "10s",
    }

    /// A Redis that instances share what they have read by; without a URL there is none.
    redis: Redis {
        /// `redis://host:port/database`, `rediss://` for TLS; several are nodes of a cluster.
        url: Vec<Secret> = "",
        /// The one URL is of a cluster, too.
        cluster: bool = "false",
        /// Authorities (PEM) that Redis' certificate must come from, instead of the machine's own.
        tls_authorities: Option<PathBuf> = "",
        /// A certificate chain (PEM) for a Redis that asks for one.
        tls_certificate: Option<PathBuf> = "",
        /// The private key of that certificate (PEM).
        tls_key: Option<PathBuf> = "",
        /// What every key begins with; instances with the same one, contract and database share.
        prefix: String = "rowcall",
        /// Time a call may wait for Redis.
        wait_max: Duration = "5ms",
        /// Time to connect to Redis, and for it to take what is to be stored.
        connect_max: Duration = "1s",
        /// Keys of one round trip.
        batch_max: usize = "64" in 1..,
        /// Lookups that wait for a round trip; a further one finds nothing.
        waiting_max: usize = "10000" in 1..10_000_000,
        /// A larger entry is not shared, and no more than this is asked for.
        entry_bytes_max: Size = "512KiB" in Size::new(1024)..Size::new(512 << 20),
        /// Entries that wait to be stored; a further one is not.
        puts_max: usize = "10000" in 1..10_000_000,
        /// The same in bytes.
        puts_bytes_max: Size = "32MiB",
        /// Round trips that fail or take too long, in a row, before Redis is done without.
        failures_max: u32 = "5" in 1..,
        /// A Redis that is done without is tried at growing intervals, up to this.
        retry_max: Duration = "5s",
    }

    /// How statements are cancelled.
    cancel: Cancel {
        /// Time for a cancelled statement to end; after that its connection is closed.
        wait_max: Duration = "2s",
        /// Cancellations at once.
        cancels_max: usize = "16" in 1..,
    }

    /// Gets of one shape that share a statement.
    join: Join {
        /// Calls of one statement at most; 1 joins nothing.
        calls_max: usize = "128" in 1..,
        /// Statements of one shape under way at most; a further one goes when it is full, or the last is overdue.
        statements_max: usize = "2" in 1..,
        /// Calls of one shape that wait; a further one is DATABASE_BUSY.
        waiting_max: usize = "10000" in 1..,
    }

    /// Pages of List and chunks of Stream.
    pages: Pages {
        /// Rows in a page when the request does not say.
        size_default: usize = "50" in 1..,
        /// Rows in a page at most; a larger request is cut down.
        size_max: usize = "1000" in 1..,
        /// Bytes in a page; it ends early, with at least one row, rather than pass this.
        bytes_max: Size = "3.5MiB" in Size::new(1024)..,
        /// Rows counted exactly for a total; beyond that it is the planner's estimate.
        total_exact_max: usize = "10000",
    }

    /// Page and resume tokens.
    tokens: Tokens {
        /// Keys of 32 bytes in base64: the first seals, all open. Unset: random, and tokens end with the process.
        keys: Vec<Key> = "",
        /// Age at which a token is no longer taken.
        age_max: Duration = "3d" in SECOND..,
    }

    /// Streams.
    stream: Stream {
        /// Streams at once; further ones are OVERLOADED.
        streams_max: usize = "1000" in 1..,
        /// Time a caller may take nothing of a stream, which then ends and can be gone on with.
        stall_max: Duration = "2m" in SECOND..,
        /// Rows read ahead of a caller, in bytes.
        ahead_bytes: Size = "4MiB",
        /// Bytes kept for all callers of streams together; beyond that, streams go on with a little at a time.
        ahead_total_bytes: Size = "64MiB",
    }

    /// Functions and query files.
    function: Function {
        /// Bytes a function's or a query's rows may have together.
        bytes_max: Size = "16MiB",
    }

    /// Compression of answers.
    compression: Compression {
        /// A smaller message is sent plain.
        bytes_min: Size = "1KiB",
        /// A larger message is compressed off the event loop.
        inline_bytes_max: Size = "64KiB",
        /// Compress for callers on this machine too.
        loopback: bool = "false",
    }

    /// Answers that are kept in this process; see `feed` for how they are proved fresh.
    cache: Cache {
        /// Bytes of all kept answers together; 0 keeps none.
        bytes_max: Size = "256MiB",
        /// A larger answer is not kept.
        entry_bytes_max: Size = "1MiB",
        /// Time an answer is kept where its contract does not say.
        ttl: Duration = "1h" in SECOND..,
        /// Time an answer that nobody asks for is kept where its contract does not say.
        idle: Duration = "10m" in SECOND..,
        /// A kept answer is served only when every change up to so long ago has been heard of.
        lag_max: Duration = "1s" in Duration::from_millis(200)..,
        /// One kept answer in so many is read again and compared with the database; 0 is none.
        verify_one_in: u32 = "10000",
    }

    /// What one call may ask for.
    limits: Limits {
        /// A message, coming or going.
        message_bytes_max: Size = "4MiB" in Size::new(1024)..,
        /// Time for a unary call, and for each chunk of a stream, that has no deadline of its own.
        deadline_default: Duration = "10s",
        /// Names in a batch.
        batch_max: usize = "1000" in 1..,
        /// The text of a filter.
        filter_bytes_max: Size = "16KiB",
        /// Terms in a filter.
        filter_terms_max: usize = "200",
    }

    /// How changes of the database are heard of, for the cache.
    feed: Feed {
        /// How often the primary is asked what changed; after a write through Rowcall it is asked at once.
        interval: Duration = "100ms" in TEN_MILLISECONDS..,
        /// A question that is not answered for so long is given up.
        poll_max: Duration = "2s" in TEN_MILLISECONDS..,
        /// How often it is looked for what `rowcall migrate` installs, while it is not there.
        look_interval: Duration = "1s" in TEN_MILLISECONDS..,
        /// Changes that one answer brings at most; when there are more, what was kept before is not served.
        changes_max: usize = "20000" in 1..,
        /// Bytes that one answer brings at most; the same.
        bytes_max: Size = "64MiB" in Size::new(65_536)..,
        /// Changed rows and values that are remembered; when there are more, what was kept before the oldest is not served.
        tags_max: usize = "200000" in 100..,
        /// Transactions that are remembered, counted for each of these.
        transactions_max: usize = "1000000" in 100..,
        /// For so long the database keeps changes, for an instance that was cut off from it.
        keep: Duration = "10m" in SECOND..,
        /// How often it is looked for changes that can be forgotten.
        clean_interval: Duration = "10s" in TEN_MILLISECONDS..,
        /// Changes that are forgotten at once.
        clean_rows_max: u32 = "2000" in 1..,
        /// Time that `rowcall migrate` waits for a busy table; its writers wait that long too.
        lock_max: Duration = "1s" in TEN_MILLISECONDS..,
        /// How often it tries for each table, with as long a pause in between.
        lock_attempts: u32 = "30" in 1..,
    }

    /// Server reflection.
    reflection: Reflection {
        /// Show the `rowcall.v1` options, which name tables and columns.
        options: bool = "false",
    }

    /// The Postgres that starts when neither a contract nor a database is given.
    embedded: Embedded {
        /// Where its data is kept.
        directory: PathBuf = "./rowcall-data",
        /// Time to start, recovery after a crash included.
        start_max: Duration = "60s" in SECOND..,
        /// Time to stop before it is cut off.
        stop_max: Duration = "10s",
    }

    /// The process itself.
    runtime: Runtime {
        /// Threads that run calls; 0 is one for each core.
        workers: usize = "0" in 0..1_024,
    }

    /// What an OpenTelemetry collector is told.
    telemetry: Telemetry {
        /// The collector's address for OTLP over gRPC, `http://HOST:4317` or `https://…`; `OTEL_EXPORTER_OTLP_ENDPOINT` means the same. Unset: none is told.
        endpoint: Option<String> = "",
        /// Authorities (PEM) that the collector's certificate must come from, instead of the machine's own.
        tls_authorities: Option<PathBuf> = "",
        /// Time for the collector to take what it is sent; after that it is dropped.
        export_max: Duration = "5s" in TEN_MILLISECONDS..,
        /// How often metrics are sent.
        metrics_interval: Duration = "10s" in SECOND..,
        /// Of the traces that begin here, so many are sampled; in those of callers they decide.
        traces_ratio: f64 = "0.1" in 0.0..=1.0,
        /// Sampled traces sent in a second, at most; further ones are dropped and counted.
        traces_per_second: u32 = "1000",
        /// Further traces in a second, of calls that failed or were slow: so many where the server is to blame, and as many where it is not.
        failures_per_second: u32 = "100",
        /// Traces that wait to be sent; a further one is dropped and counted.
        traces_waiting_max: usize = "4096" in 1..,
        /// Send the log, too.
        logs: bool = "false",
        /// Lines of it that wait to be sent; a further one is dropped and counted.
        logs_waiting_max: usize = "4096" in 1..,
        /// Where Sentry is told of panics and of INTERNAL, with method and trace.
        sentry_dsn: Option<Secret> = "",
    }

    /// The log, on standard error.
    log: Log {
        /// What is written: `error`, `warn`, `info`, `debug`, `trace`, or by module (`info,rowcall::postgres=debug`).
        filter: String = "info",
        /// `text` or `json`.
        format: LogFormat = "text",
        /// A call that takes so long has a line of its own, and is exported as a trace.
        slow: Duration = "1s",
        /// A failed or slow call whose statement takes so long has Postgres asked for its plan, once a minute; 0 never.
        explain: Duration = "5s",
        /// Lines of calls in a second: of those that failed by their callers' fault, and as many of the others; further ones are counted.
        calls_per_second: u32 = "100",
    }
}
