"""Questions 1 to 6: are callers being failed, why, how slow, where does the time go, is it more than usual, are we full."""

from .panels import *

# An instance of a week before has another name.
ANY = ONE + ', grpc_method=~"$method"'
UNARY = M + ', rowcall_method_kind="unary"'
STREAM = M + ', rowcall_method_kind="stream"'
SECONDS = "grpc_server_call_duration_seconds"
ALERTS = "AvailabilityBurn.*|LatencyBurn.*|PoolExhausted.*|FeedStale.*|CacheInconsistent.*|ContractUnfit.*|InstanceLost.*|MemoryNearLimit.*"


def failures():
    by_reason = rate("rowcall_call_failures_total", M, "grpc_status, rowcall_reason")
    # What has not failed for a while would lie on top of what does.
    known = f'label_join({by_reason} > 0, "why", " ", "grpc_status", "rowcall_reason")'
    none = f'label_replace({rate(SECONDS + "_count", M)} * 0, "why", "no failures", "", "")'
    return f"{known} or on () {none}"


def firing(by="alertname"):
    alerts = f'sum by ({by}) (ALERTS{{alertstate="firing", alertname=~"{ALERTS}"}})'
    none = 'label_replace(vector(0), "alertname", "none", "", "")'
    return f"{alerts} or on () ({none} and on () count(process_uptime_seconds{{{ONE}}}))"


def stages():
    """A stage's seconds of all unary calls, shared out among those calls."""
    by_method = rate("rowcall_call_stage_duration_seconds_sum", M, "grpc_method, rowcall_stage")
    unary = f"sum by (grpc_method) ({SECONDS}_count{{{UNARY}}})"
    return f"sum by (rowcall_stage) ({by_method} and on (grpc_method) {unary}) / on () group_left {rate(SECONDS + '_count', UNARY)}"


def in_time(window):
    within = rate(SECONDS + "_bucket", f'{UNARY}, le="{SLOW}"', window=window)
    return f"{within} / {rate(SECONDS + '_count', UNARY, window=window)}"


def share(what):
    return f"sum by (service_instance_id) (rowcall_{what}_active{{{I}}}) / sum by (service_instance_id) (rowcall_{what}_limit{{{I}}})"


POOLS = I + ', db_client_connection_pool_name!~"feed|upkeep"'
BY_POOL = "sum by (service_instance_id, db_client_connection_pool_name)"
POOL_USED = f'{BY_POOL} (db_client_connection_count{{{POOLS}, db_client_connection_state="used"}})'
POOL_MAX = f"{BY_POOL} (db_client_connection_max{{{POOLS}}})"
ASKED_NOW = rate("rowcall_cache_lookups_total", M, window="[1m]")
KEPT_NOW = rate("rowcall_cache_lookups_total", M + ', rowcall_result=~"hit|redis|shared"', window="[1m]")


QUANTILES = [(0.5, "half of them"), (0.9, "90 of 100"), (0.99, "99 of 100")]

LAST_WEEK = {
    "matcher": {"id": "byName", "options": "all instances together, a week before"},
    "properties": [
        {"id": "color", "value": {"fixedColor": "text", "mode": "fixed"}},
        {"id": "custom.stacking", "value": {"group": "B", "mode": "none"}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.lineStyle", "value": {"dash": [6, 6], "fill": "dash"}},
    ],
}

DASHBOARD = dashboard(
    "Overview",
    "Are callers being failed? Why, how slowly, since when, and is it load?",
    [METHOD],
    [
        row(
            "Are callers being failed? The budget: 99.9 % of calls are not, and 99 % of unary calls take 250 ms at most, over 30 days",
            stat(
                "Calls failed by us, 5 minutes",
                "percentunit",
                [now(alive(failed_share(M, "[5m]")))],
                "Of all calls of the last 5 minutes, those that ended UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS, or RESOURCE_EXHAUSTED for our want "
                "of room. Orange is more than the budget of 0.1 %, red is so much that a month's budget is gone in two days. When it is not green: "
                "the two panels below say which method and for what reason; `DATABASE_…` leads to the Database dashboard.",
                5,
                marks=(GREEN, (BUDGET, ORANGE), (BURN * BUDGET, RED)),
                mappings=[idle("no calls")],
                decimals=2,
            ),
            stat(
                "Left of 30 days' budget of failures",
                "percentunit",
                [now(alive(f"clamp_min(1 - ({failed_share(M, '[30d]', function='increase')}) / {BUDGET}, -9.99)"))],
                "How much of the 0.1 % that may fail in 30 days has not been used, as far back as Prometheus remembers. Below zero, the promise of "
                "99.9 % is broken: put off what is risky, releases first, and look for the days it went in the panels below. -999 % is that or less.",
                5,
                marks=(RED, (0, ORANGE), (0.25, GREEN)),
                mappings=[idle("no calls")],
                decimals=0,
            ),
            stat(
                "Unary calls within 250 ms, 5 minutes",
                "percentunit",
                [now(alive(in_time("[5m]")))],
                "Of the last 5 minutes' calls that are answered once, failed ones included. Orange is less than the 99 % promised, red is so little that a month's "
                "budget is gone in two days. When it is not green: look which method below, then where its time goes.",
                5,
                marks=(RED, (1 - BURN * SLOW_BUDGET, ORANGE), (1 - SLOW_BUDGET, GREEN)),
                mappings=[idle("no calls")],
                decimals=1,
            ),
            stat(
                "Instances that report now",
                "short",
                [now(REPORTING)],
                "Processes whose clock has moved in Prometheus in the last minute. `no data` means that nothing on this page is known: a process, the "
                "Collector or Prometheus' way to it is gone. Fewer than you run: look at the missing one's log; Runtime lists those that are there.",
                4,
                marks=(RED, (1, GREEN)),
                absent=RED,
            ),
            stat(
                "Alerts firing",
                "short",
                [now(firing(), "{{alertname}}")],
                "Rowcall's own alerts, as Prometheus evaluates them. Each names a runbook that says what to do. `none` is also what shows while "
                "Prometheus has not loaded the rules.",
                5,
                marks=(GREEN, (1, RED)),
                names=True,
            ),
            lines(
                "Which method's callers do we fail? Share of its calls",
                "percentunit",
                [query(failed_share(M, by="grpc_method"), "{{grpc_method}}")],
                "Of each method's calls, those that count against the budget; the dashed line is the 0.1 % that may. One method: its statement or its "
                "table, see Database. All at once: what they share, which is Postgres, the pool or this process.",
                marks=(GREEN, (BUDGET, RED)),
                soft_high=2 * BUDGET,
                data_links=traces_of_series(),
            ),
            lines(
                "Why do calls fail? By status and reason",
                "reqps",
                [query(failures(), "{{why}}")],
                "Every call that did not end OK, callers' own mistakes too. README's table of errors explains each reason. NOT_FOUND, "
                "INVALID_ARGUMENT and ABORTED are the callers' to mend; UNAVAILABLE: is Postgres up (Database)? RESOURCE_EXHAUSTED: are we full "
                "(below)? INTERNAL: the log line of the call has the cause.",
                stack=True,
            ),
        ),
        row(
            "Is it wrong elsewhere? Each leads to the dashboard that says more",
            stat(
                "Postgres servers that do not answer",
                "short",
                [now(f"count(min by ({SERVER}) (rowcall_postgres_up{{{I}}}) == 0) or max(rowcall_postgres_up{{{I}}}) * 0")],
                "The primary, or a standby. Without the primary what is kept is served while it can be proved, and the rest fails: see Database, which says which one.",
                5,
                marks=(GREEN, (1, RED)),
                links=elsewhere("database"),
            ),
            stat(
                "Standbys that reads may not go to",
                "short",
                [now(f"count(min by ({SERVER}) (rowcall_replica_ready{{{I}}}) == 0) or max(rowcall_replica_ready{{{I}}}) * 0")],
                "They do not answer, lag too far behind, or were promoted. Their reads go to the primary, which has that much more to do: see Database. "
                "`no data` without standbys.",
                5,
                marks=(GREEN, (1, ORANGE)),
                links=elsewhere("database"),
            ),
            stat(
                "Fullest pool of calls",
                "percentunit",
                [now(f"max({POOL_USED} / {POOL_MAX})")],
                "Connections to Postgres in use, of the most allowed, at the instance and server where it is most. Near 100 % calls wait or are refused: "
                "see Database, which says by which statement.",
                4,
                marks=(GREEN, (0.8, ORANGE), (0.95, RED)),
                links=elsewhere("database"),
            ),
            stat(
                "Answered from what is kept, 1 minute",
                "percentunit",
                [now(alive(f'(({KEPT_NOW}) or ({ASKED_NOW}) * 0) / ({ASKED_NOW})'))],
                "Of all answers that can be kept, those that were, where nothing is kept included. Suddenly low: the feed is lost, the cache is too small, or many "
                "write. See Cache.",
                5,
                
                mappings=[idle("no lookups")],
                decimals=0,
                links=elsewhere("cache"),
            ),
            stat(
                "Fullest memory, of the limit",
                "percentunit",
                [now(f"max(process_memory_usage_bytes{{{I}}} / rowcall_memory_limit_bytes{{{I}}})")],
                "At 100 % the process is killed. What grows steadily will get there: see Runtime.",
                5,
                marks=(GREEN, (0.7, ORANGE), (0.9, RED)),
                links=elsewhere("runtime"),
            ),
        ),
        row(
            "How slow, since when?",
            heatmap(
                "How long do unary calls take? Calls per second in each span of time",
                rate(SECONDS + "_bucket", UNARY, "le"),
                "Darker is rarer, brighter is more calls. A second band above the usual one is one method, one replica or a lock; everything "
                "moved up is load or Postgres. The link in the corner leads to traces of the methods chosen above.",
                links=traces_of_panel(),
            ),
            lines(
                "Unary calls are answered within",
                "s",
                [query(quantile(q, SECONDS, UNARY), name) for q, name in QUANTILES],
                "Dashed: the 250 ms within which 99 of 100 should be. Only the slowest rise: one method or statement, see the next panel. All rise: "
                "see where the time goes, below.",
                marks=(GREEN, (SLOW, RED)),
                links=traces_of_panel(),
            ),
            lines(
                "Which method is slow? 99 of 100 of its unary calls are answered within",
                "s",
                [query(quantile(0.99, SECONDS, UNARY, "grpc_method"), "{{grpc_method}}")],
                "A logarithmic axis. A click on a line leads to the traces of that method in this time: the longest span in them is the stage to look "
                "at. A statement that stands out there is in the table of the Database dashboard.",
                low=None,
                scale=10,
                data_links=traces_of_series(),
            ),
            lines(
                "How long do streams last? 99 of 100, and half of them, by method",
                "s",
                [
                    query(quantile(0.99, SECONDS, STREAM, "grpc_method"), "99 of 100 {{grpc_method}}"),
                    query(quantile(0.5, SECONDS, STREAM, "grpc_method"), "half of {{grpc_method}}"),
                ],
                "From the call to the last row, callers' own pauses included, so long is not wrong by itself; 100 s is that or more. Sudden change is: slower with the same "
                "rows points to Postgres or to callers that take slowly, shorter to streams that are cut off (see reasons, above).",
                low=None,
                scale=10,
                data_links=traces_of_series(),
            ),
        ),
        row(
            "Where does the time go, and is there more to do than usual?",
            lines(
                "Where does a unary call's time go? Mean by stage",
                "s",
                [query(stages(), "{{rowcall_stage}}")],
                "`bind` reads the request, `cache` looks for a kept answer, `acquire` waits for a connection, `execute` waits for Postgres, `encode` "
                "writes the answer; all together are the mean of a call. `acquire` grows: the pool (Database). `execute`: a statement (Database). "
                "`bind`, `cache` or `encode`: this process has too little CPU (Runtime).",
                9,
                height=9,
                stack=True,
                colors={"acquire": "orange", "bind": "purple", "cache": "green", "encode": "yellow", "execute": "blue"},
            ),
            lines(
                "Calls begun, by method, beside a week before",
                "reqps",
                [
                    query(rate("grpc_server_call_started_total", M, "grpc_method"), "{{grpc_method}}"),
                    query(f"sum(rate(grpc_server_call_started_total{{{ANY}}}{RATE} offset 1w))", "all instances together, a week before"),
                ],
                "Stacked, so the top is all calls; the dashed line is the same hour a week ago, of every instance there was. Well above it: the method that grew is the one to ask "
                "its callers about; limits are set by `listener.*`. Well below: callers cannot reach this service.",
                9,
                height=9,
                stack=True,
                overrides=[LAST_WEEK],
            ),
            lines(
                "Bytes of messages, compressed",
                "Bps",
                [
                    query(rate("grpc_server_call_sent_total_compressed_message_size_bytes_sum", M), "sent"),
                    query(rate("grpc_server_call_rcvd_total_compressed_message_size_bytes_sum", M), "received"),
                ],
                "Sent grows while calls do not: answers became larger; look for larger pages or a missing read mask. Near what the network can "
                "carry, calls get slow without any stage saying so.",
                6,
                height=9,
            ),
        ),
        row(
            "Are we full?",
            lines(
                "How full is each instance? In use, of its limit",
                "percentunit",
                [
                    query(share("call"), "calls {{service_instance_id}}"),
                    query(share("stream"), "streams {{service_instance_id}}"),
                    query(share("connection"), "callers' connections {{service_instance_id}}"),
                ],
                "At 100 % the next one is refused. Calls: either they take longer than usual (above), or there are more of them; one more instance helps "
                "only if Postgres is not what they wait for. One instance fuller than others: callers do not balance.",
                height=9,
                high=1,
                marks=(GREEN, (0.8, ORANGE), (1, RED)),
            ),
            lines(
                "How many calls are refused for load?",
                "reqps",
                [query(rate("rowcall_call_shed_total", I, "rowcall_reason"), "{{rowcall_reason}}")],
                "OVERLOADED: this instance has as many calls or streams as it may (left). DATABASE_BUSY: too many wait for a connection, see the pool in "
                "Database. Callers are told to come back later; while it lasts, what is taken is still answered in time.",
                height=9,
                soft_high=1,
            ),
        ),
    ],
)
