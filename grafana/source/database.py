"""Questions 7 to 9: is the pool the bottleneck, which statement, is Postgres up and what does it wait for."""

from .panels import *

POOL = "db_client_connection_pool_name"
PER_POOL = f"service_instance_id, {POOL}"
POOL_NAME = "{{" + POOL + "}}"
POOL_OF = POOL_NAME + " of {{service_instance_id}}"
SECONDS = "db_client_operation_duration_seconds"
ROWS = "db_client_response_returned_rows"
SERVER_NAME = "{{server_address}}:{{server_port}}"
STATEMENT = f"db_query_summary, db_collection_name, {SERVER}"
STATEMENT_NAME = "{{db_query_summary}} on " + SERVER_NAME
FAILED = ', error_type!=""'
RANGE = "[$__range]"


def pool_share():
    """Of calls: feed and upkeep have one connection each, which is in use or is not."""
    calls = I + f', {POOL}!~"feed|upkeep"'
    used = f'sum by ({PER_POOL}) (db_client_connection_count{{{calls}, db_client_connection_state="used"}})'
    return f"{used} / sum by ({PER_POOL}) (db_client_connection_max{{{calls}}})"


def statements(suffix, more=""):
    return rate(SECONDS + suffix, T + more, STATEMENT, RANGE)


def failures():
    failed = rate(SECONDS + "_count", T + FAILED, "db_query_summary, error_type")
    none = f'label_replace({rate(SECONDS + "_count", T)} * 0, "what", "none", "", "")'
    return f'label_join({failed}, "what", ": ", "db_query_summary", "error_type") or on () {none}'


FAILING = {
    "decimals": 2,
    "thresholds": {"mode": "absolute", "steps": steps("text", (0.0001, ORANGE), (0.01, RED))},
    "custom.cellOptions": {"type": "color-text"},
}

DASHBOARD = dashboard(
    "Database",
    "Is Postgres up and what does it wait for, is the pool the bottleneck, and which statement is it?",
    [METHOD, TABLE],
    [
        row(
            "Is Postgres up, and what does it wait for?",
            stat(
                "Does every Postgres answer?",
                "none",
                [now(f"min by ({SERVER}, rowcall_role) (rowcall_postgres_up{{{I}}})", "{{rowcall_role}} " + SERVER_NAME)],
                "As the instance sees it that sees it worst. A primary that is down: its log, its disk, whether it was failed over; writes and what no "
                "standby or cache has cannot be answered. A standby that is down: reads go elsewhere, so watch the primary's load.",
                6,
                marks=(RED, (1, GREEN)),
                mappings=[words((0, "down", RED), (1, "up", GREEN))],
                names=True,
                height=8,
            ),
            stat(
                "May reads go to each standby?",
                "none",
                [now(f"min by ({SERVER}) (rowcall_replica_ready{{{I}}})", SERVER_NAME)],
                "Not ready is a standby that is down, behind by more than `replicas.lag_max`, or not of this database. Reads go to the primary instead: "
                "right answers, more load. Look at its lag; if that is small, its log says why. Nothing shows without `replicas.urls`.",
                5,
                marks=(RED, (1, GREEN)),
                mappings=[words((0, "not ready", RED), (1, "ready", GREEN))],
                names=True,
                empty="no standby, or no data",
                height=8,
            ),
            lines(
                "How far behind is each standby?",
                "s",
                [query(f"max by ({SERVER}) (rowcall_replica_lag_seconds{{{I}}})", SERVER_NAME)],
                "What a standby is known to lack, in time; beyond `replicas.lag_max`, some 10 s, it is not known how much more. There: it does not replay, for a long query on it or for want of disk or network; "
                "`pg_stat_replication` on the primary says where it hangs. Jumps: bulk writes.",
                6,
                soft_high=1,
            ),
            lines(
                "What do our backends do and wait for?",
                "short",
                [
                    query(
                        f"max by (rowcall_state, rowcall_wait_event_type) (rowcall_postgres_backends{{{I}}})",
                        "{{rowcall_state}}, waits for {{rowcall_wait_event_type}}",
                    )
                ],
                "Backends of ours on the primary, from pg_stat_activity. `idle, waits for Client` is rest, `active, waits for none` is work. "
                "`active, waits for Lock`: someone holds a row, `pg_blocking_pids` says who. `IO`: disk, or a cache too small. `idle in transaction` that stays: a stream whose caller takes slowly.",
                7,
                stack=True,
                colors={
                    "active, waits for IO": "orange",
                    "active, waits for Lock": "red",
                    "active, waits for none": "green",
                    "idle, waits for Client": "text",
                    "idle in transaction, waits for Client": "purple",
                },
            ),
        ),
        row(
            "Is the pool the bottleneck?",
            lines(
                "How full is each pool? In use, of the most allowed",
                "percentunit",
                [query(pool_share(), POOL_OF)],
                "At 100 % calls wait (next panel). If statements are slow as well (below), mend those first: more connections make a busy Postgres slower. "
                "If they are fast, raise `postgres.connections_max` as far as Postgres' `max_connections` allows.",
                8,
                height=9,
                high=1,
                marks=(GREEN, (0.95, RED)),
            ),
            lines(
                "How many calls wait for a connection?",
                "short",
                [query(f"sum by ({PER_POOL}) (db_client_connection_pending_requests{{{I}}})", POOL_OF)],
                "Now and then a few is normal, a line that stays up is not: the pool is the bottleneck, or Postgres behind it. Beyond "
                "`postgres.waiting_max` calls are refused as DATABASE_BUSY.",
                8,
                height=9,
                soft_high=5,
            ),
            lines(
                "How long do calls wait for one? 99 of 100",
                "s",
                [query(quantile(0.99, "db_client_connection_wait_time_seconds", I, POOL), POOL_NAME)],
                "Well below what a statement takes is well. Near `postgres.wait_max` calls are about to be refused. Waiting without a full pool: connections "
                "are slow to make (below).",
                8,
                height=9,
                links=traces_of_panel(),
            ),
            lines(
                "Connections in use and idle, by pool",
                "short",
                [
                    query(
                        f"sum by ({POOL}, db_client_connection_state) (db_client_connection_count{{{I}}})",
                        POOL_NAME + " {{db_client_connection_state}}",
                    )
                ],
                "Of all instances chosen. Both at zero: this pool has lost its server, see above. Idle ones that come and go quickly: a pooler or firewall "
                "ends them, see broken ones.",
                8,
                height=9,
                stack=True,
            ),
            lines(
                "How long is one held, and how long to make? 99 of 100",
                "s",
                [
                    query(quantile(0.99, "db_client_connection_use_time_seconds", I, POOL), "held, " + POOL_NAME),
                    query(quantile(0.99, "db_client_connection_create_time_seconds", I, POOL), "made, " + POOL_NAME),
                ],
                "A logarithmic axis; gaps are times in which none was made. Held for long: slow statements, or streams with slow callers. Made slowly: "
                "TLS, DNS, authentication, or a Postgres without CPU.",
                8,
                height=9,
                low=None,
                scale=10,
            ),
            lines(
                "How many waits fail, how many break?",
                "cps",
                [
                    query(rate("db_client_connection_timeouts_total", I, POOL), "no connection, " + POOL_NAME),
                    query(rate("rowcall_postgres_connections_broken_total", I, f"{POOL}, rowcall_cause"), "{{rowcall_cause}}, " + POOL_NAME),
                ],
                "Should be zero. `no connection`: calls refused or too late, the pool is too small or Postgres too slow. `broken`: a connection ended "
                "in use, by a restart, a pooler or the network. `connect`: the server refuses or cannot be reached; its log says which.",
                8,
                height=9,
                soft_high=1,
            ),
            lines(
                "Which methods wait for a connection? 99 of 100 of their calls, in stage acquire",
                "s",
                [query(quantile(0.99, "rowcall_call_stage_duration_seconds", M + ', rowcall_stage="acquire"', "grpc_method"), "{{grpc_method}}")],
                "All methods alike: the pool is short for everyone. A click on a line leads to the traces of that method in this time. The method whose "
                "calls hold connections longest is found by its statement, below.",
                12,
                data_links=traces_of_series(),
            ),
            lines(
                "Which statements keep Postgres busy? Connections' worth of time in each",
                "short",
                [query(f"topk(10, {rate(SECONDS + '_sum', T, STATEMENT)})", STATEMENT_NAME)],
                "Seconds of execution per second, so 2 is two connections always at it; the ten that take most. What grew here is what the pool is full of. "
                "More calls or slower ones? The table below has both.",
                12,
                stack=True,
            ),
        ),
        row(
            "Which statement?",
            table(
                "Statements by the time they took, over the time shown",
                [
                    column(statements("_sum")),
                    column(statements("_count")),
                    column(f"{statements('_sum')} / {statements('_count')}"),
                    column(f"histogram_quantile(0.99, {rate(SECONDS + '_bucket', T, 'le, ' + STATEMENT, RANGE)})"),
                    column(f"{rate(ROWS + '_sum', T, STATEMENT, RANGE)} / {rate(ROWS + '_count', T, STATEMENT, RANGE)}"),
                    column(f"({statements('_count', FAILED)} or {statements('_count')} * 0) / {statements('_count')}"),
                ],
                [
                    ("Time per second", "s", {"decimals": 2}),
                    ("Runs", "ops", {}),
                    ("Mean", "s", {"decimals": 2}),
                    ("99 of 100 within", "s", {"decimals": 2}),
                    ("Rows, mean", "short", {"decimals": 1}),
                    ("Failed", "percentunit", FAILING),
                ],
                {
                    "db_query_summary": ("Statement", {}),
                    "db_collection_name": ("Table", {}),
                    "server_address": ("Server", {}),
                    "server_port": ("Port", {}),
                },
                "The first line is what Postgres worked at most. A high mean: it lacks an index or reads too many rows; the slow-call log has its plan. Many "
                "runs: callers could use BatchGet, or the cache. Failed: the panel below says with which SQLSTATE.",
                sort="Time per second",
            ),
            lines(
                "Which are slow? 99 of 100 done within",
                "s",
                [query(f"topk(10, {quantile(0.99, SECONDS, T, STATEMENT)})", STATEMENT_NAME)],
                "The ten slowest, on a logarithmic axis; 10 s is that or more. One statement on one server: that server, its cache or a lock there. One statement everywhere: its plan changed; "
                "ANALYZE the table, look for the index. All: Postgres itself.",
                8,
                height=9,
                low=None,
                scale=10,
            ),
            lines(
                "Which fail, and with what?",
                "ops",
                [query(failures(), "{{what}}")],
                "By SQLSTATE, as Postgres' manual lists them, or by reason where none came. 57P01 to 57P03: a restart. 57014: cancelled, mostly by a "
                "deadline. 40001, 40P01: in each other's way. 42…: the catalog changed, see reloads in Runtime.",
                8,
                height=9,
                stack=True,
                soft_high=1,
            ),
            lines(
                "How many rows do they return? 99 of 100",
                "short",
                [query(f"topk(10, {quantile(0.99, ROWS, T, STATEMENT)})", STATEMENT_NAME)],
                "The ten largest. Rows explain time: slower with as many rows is a worse plan, slower with more rows is what was asked for. Many more than a page: look at "
                "its callers' `page_size`, or at a filter that no longer selects.",
                8,
                height=9,
                low=None,
                scale=10,
            ),
        ),
    ],
)
