"""Question 10: is the cache working, and provably?"""

from .panels import *

LOOKUPS = "rowcall_cache_lookups_total"
KEPT = M + ', rowcall_result=~"hit|redis|shared"'
ASKED = M + ', rowcall_result!="bypass"'
AGE = f"sum by (service_instance_id) (rowcall_feed_age_seconds{{{I}}})"
LAG_MAX = f"sum by (service_instance_id) (rowcall_feed_lag_max_seconds{{{I}}})"
FILL = "rowcall_cache_fill_duration_seconds"


def kept(by="", window=RATE):
    asked = rate(LOOKUPS, ASKED, by, window)
    return f"({rate(LOOKUPS, KEPT, by, window)} or {asked} * 0) / {asked}"


UNFOLLOWED = {
    "matcher": {"id": "byName", "options": "untracked"},
    "properties": [{"id": "thresholds", "value": {"mode": "absolute", "steps": steps(GREEN, (1, ORANGE))}}],
}
LIMIT = {
    "matcher": {"id": "byRegexp", "options": "/^limit/"},
    "properties": [
        {"id": "color", "value": {"fixedColor": "red", "mode": "fixed"}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.lineStyle", "value": {"dash": [6, 6], "fill": "dash"}},
    ],
}

TABLES = stat(
    "Tables followed, and not",
    "short",
    [now(f"max by (rowcall_mode) (rowcall_feed_tables{{{I}}})", "{{rowcall_mode}}")],
    "`tracked` tables' changes are heard, so their answers are kept; of `untracked` ones they are not kept, unless the contract says for how long. "
    "Unwanted untracked tables: run `rowcall migrate`, and see that nobody dropped its triggers.",
    5,
    names=True,
)
TABLES["fieldConfig"]["overrides"] = [UNFOLLOWED]

DASHBOARD = dashboard(
    "Cache",
    "Does the cache answer, has it room, and is what it answers proved fresh?",
    [METHOD],
    [
        row(
            "Is the cache working, and provably?",
            stat(
                "Answered from what is kept",
                "percentunit",
                [now(alive(kept(window="[5m]")))],
                "Of the last 5 minutes' lookups of what may be kept: `hit`, `redis` and `shared`. What is usual depends on the callers, so judge it beside last week. Suddenly "
                "low: an instance just started, a table left the feed, or many writes; see results by method below.",
                5,
                mappings=[idle("no lookups")],
                decimals=1,
            ),
            stat(
                "Kept answers that were wrong",
                "short",
                [now(f"sum(rowcall_cache_mismatches_total{{{I}}}) or sum(rowcall_cache_limit_bytes{{{I}}}) * 0")],
                "Since each process started; must be zero. The verifier read a kept answer again, the database had another, and no change had been heard. "
                "That table is not kept any more until a restart. Save the error in the log and report it; `cache.bytes_max = 0` turns the cache off.",
                5,
                marks=(GREEN, (1, RED)),
            ),
            stat(
                "Age of the feed, of the most allowed",
                "percentunit",
                [now(f"clamp_max(max({AGE} / {LAG_MAX}), 9.99)")],
                "How long ago changes were last heard, of `cache.lag_max`, at the instance where it is longest. Over 100 % kept answers cannot be proved and "
                "everything is read from Postgres: right, but slow. 999 % is that or more. Look whether the primary is up (Database) and at failed polls below.",
                5,
                marks=(GREEN, (0.5, ORANGE), (1, RED)),
                decimals=0,
                empty="no feed, or no data",
            ),
            TABLES,
            stat(
                "Redis",
                "none",
                [now(f"min(rowcall_redis_up{{{I}}})")],
                "As the instance sees it that sees it worst. Down costs speed after restarts and never an answer: look at Redis' own log. Nothing shows "
                "where `redis.url` is not set.",
                4,
                marks=(RED, (1, GREEN)),
                mappings=[words((0, "down", RED), (1, "up", GREEN))],
                empty="not used, or no data",
            ),
            lines(
                "Where do answers come from?",
                "ops",
                [query(rate(LOOKUPS, M, "rowcall_result"), "{{rowcall_result}}")],
                "`hit`: kept here. `redis`: kept by another instance. `shared`: waited for one that was being read. `miss`: read. `bypass`: may not be kept, "
                "`rowcall-cache` in a call's answer says why. Misses growing load Postgres: compare with evictions and with the feed's age.",
                stack=True,
                colors={"bypass": "text", "hit": "green", "miss": "orange", "redis": "blue", "shared": "purple"},
            ),
            lines(
                "How much of each method is answered from what is kept?",
                "percentunit",
                [query(kept("grpc_method"), "{{grpc_method}}")],
                "One method falls: its table is written more, or left the feed. All fall at once: the feed is late, memory is short, or an instance started. "
                "A click on a line leads to that method's traces in this time.",
                high=1,
                data_links=traces_of_series(),
            ),
        ),
        row(
            "Has it room, and what does a miss cost?",
            lines(
                "Bytes kept, and the limit",
                "bytes",
                [
                    query(f"sum by (service_instance_id) (rowcall_cache_size_bytes{{{I}}})", "kept by {{service_instance_id}}"),
                    query(f"max(rowcall_cache_limit_bytes{{{I}}})", "limit of each"),
                ],
                "Full is no fault: what is asked for least gives way. Full together with many evictions and a falling share of hits: raise "
                "`cache.bytes_max`, with an eye on memory (Runtime). A sudden fall is a restart or a reload.",
                8,
                height=9,
                overrides=[LIMIT],
            ),
            lines(
                "How many kept answers give way for want of room?",
                "cps",
                [query(rate("rowcall_cache_evictions_total", I, "service_instance_id"), "{{service_instance_id}}")],
                "About as many as there are misses: the cache thrashes, what callers ask for in turn is more than fits. Raise `cache.bytes_max`, or keep large "
                "and rare answers out of it in the contract.",
                8,
                height=9,
                soft_high=1,
            ),
            lines(
                "How long does a miss take? 99 of 100, by method",
                "s",
                [query(quantile(0.99, FILL, M, "grpc_method"), "{{grpc_method}}")],
                "A logarithmic axis. What a miss costs, and so what the cache saves. Slower than usual: the statement or the pool, see Database. A click on a "
                "line leads to that method's traces in this time.",
                8,
                height=9,
                low=None,
                scale=10,
                data_links=traces_of_series(),
            ),
        ),
        row(
            "Is what it answers proved fresh?",
            lines(
                "How old is what each instance has heard?",
                "s",
                [
                    query(AGE, "{{service_instance_id}}"),
                    query(f"sum by (service_instance_id) (rowcall_feed_poll_duration_seconds{{{I}}})", "a poll takes, {{service_instance_id}}"),
                    query(f"max(rowcall_feed_lag_max_seconds{{{I}}})", "limit, cache.lag_max"),
                ],
                "Above the dashed limit nothing kept is served. A steady climb: polls fail, the primary is gone or the feed's role may not read. Polls that "
                "take long: too many changes at once, or a primary without CPU.",
                overrides=[LIMIT],
            ),
            lines(
                "What does the feed hear? Changes, gaps, and polls that failed",
                "cps",
                [
                    query(rate("rowcall_feed_changes_total", I), "changes"),
                    query(rate("rowcall_feed_gaps_total", I), "gaps"),
                    query(rate("rowcall_feed_failures_total", I), "failed polls"),
                ],
                "Changes are the writes of everybody. Failed polls: the primary does not answer the feed, see Database and the log. A gap: changes were lost or "
                "came too late, so everything kept before was given up; a fall in hits after one is expected.",
                soft_high=1,
                colors={"changes": "blue", "gaps": "orange", "failed polls": "red"},
            ),
            lines(
                "How many tables does the feed follow?",
                "short",
                [query(f"max by (rowcall_mode) (rowcall_feed_tables{{{I}}})", "{{rowcall_mode}}")],
                "A table that moves from tracked to untracked lost its trigger, or was made anew: run `rowcall migrate`. Its answers are not kept until then.",
                8,
                step=True,
                decimals=0,
                colors={"tracked": "blue", "untracked": "orange"},
            ),
            lines(
                "How many kept answers are verified, and how many were wrong?",
                "cps",
                [
                    query(rate("rowcall_cache_verified_total", I), "verified"),
                    query(rate("rowcall_cache_mismatches_total", I), "wrong"),
                ],
                "One hit in `cache.verify_one_in` is read again and compared. None verified while there are hits: the verifier is off, or has no connection. "
                "Any wrong one: see the red number above.",
                8,
                colors={"verified": "blue", "wrong": "red"},
            ),
            lines(
                "What does Redis answer?",
                "ops",
                [
                    query(rate("rowcall_redis_lookups_total", I, "rowcall_result"), "{{rowcall_result}}"),
                    query(rate("rowcall_redis_failures_total", I), "failures"),
                ],
                "`late`: Redis took longer than it may, and Postgres was asked. Many late ones or failures: Redis' CPU, memory or network. Only misses: "
                "instances do not share a contract's hash, or Redis forgets too soon. Nothing shows where `redis.url` is not set.",
                8,
                stack=True,
                colors={"hit": "green", "miss": "blue", "late": "orange", "failures": "red"},
            ),
        ),
    ],
)
for one in DASHBOARD["panels"]:
    if one["title"] == "What does Redis answer?":
        one["fieldConfig"]["defaults"]["noValue"] = "not used, or no data"
