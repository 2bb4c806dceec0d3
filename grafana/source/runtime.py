"""Questions 11 and 12: what changed, will the process survive, can these panels be trusted?"""

from .overview import firing
from .panels import *

EACH = "service_instance_id"
NAME = "{{service_instance_id}}"


def each(metric, function="sum"):
    return f"{function} by ({EACH}) ({metric}{{{I}}})"


def of(metric, limit):
    return f"{each(metric)} / {each(limit)}"


BUSY = f"{rate('rowcall_runtime_busy_seconds_total', I, EACH)} / {each('rowcall_runtime_workers')}"
MEMORY = of("process_memory_usage_bytes", "rowcall_memory_limit_bytes")
FILES = of("process_unix_file_descriptor_count", "rowcall_file_descriptor_limit")
TASKS = {
    "matcher": {"id": "byRegexp", "options": "/^alive/"},
    "properties": [
        {"id": "custom.axisPlacement", "value": "right"},
        {"id": "custom.axisLabel", "value": "alive"},
        {"id": "custom.lineStyle", "value": {"dash": [6, 6], "fill": "dash"}},
        {"id": "custom.fillOpacity", "value": 0},
    ],
}

DASHBOARD = dashboard(
    "Runtime",
    "What runs and what changed, will the processes survive, and can the panels be trusted?",
    [],
    [
        row(
            "Is every process well?",
            stat(
                "Youngest process is up for",
                "dtdurations",
                [now(f"min(process_uptime_seconds{{{I}}})")],
                "Short without a deployment: it was killed or it ended. Its log's last lines say why; for want of memory, the kernel's or Kubernetes' "
                "events (`OOMKilled`) do. Each start is marked on every panel.",
                4,
                marks=(ORANGE, (900, BLUE)),
            ),
            stat(
                "Memory, of its limit",
                "percentunit",
                [now(f"max({MEMORY})")],
                "Of the cgroup's limit, else of the machine's memory, at the instance that is nearest to it. At 100 % the kernel kills the process. Over "
                "90 %: lower `cache.bytes_max` or raise the limit; then see below whether it still grows.",
                4,
                marks=(GREEN, (0.75, ORANGE), (0.9, RED)),
                decimals=0,
            ),
            stat(
                "Workers busy, 5 minutes",
                "percentunit",
                [now(alive(f"max({rate('rowcall_runtime_busy_seconds_total', I, EACH, '[5m]')} / {each('rowcall_runtime_workers')})"))],
                "The runtime's, at the busiest instance. Near 100 % the process has no CPU left and every stage gets slow: add instances or cores; if others are idle, callers "
                "do not balance.",
                4,
                marks=(GREEN, (0.8, ORANGE), (0.95, RED)),
                mappings=[idle("not known yet")],
                decimals=0,
            ),
            stat(
                "Files open, of the limit",
                "percentunit",
                [now(f"max({FILES})")],
                "Connections of callers and to Postgres are files. Near the limit new ones are refused: raise `ulimit -n`, or look for callers that open "
                "connections without end.",
                4,
                marks=(GREEN, (0.7, ORANGE), (0.9, RED)),
                decimals=1,
            ),
            stat(
                "Last reload",
                "none",
                [now(f"max(rowcall_reload_failed{{{I}}})")],
                "Failed: the contract or the database's tables have changed so that new plans could not be made; the old ones go on. The log lists what does "
                "not fit, and so does `rowcall check`. Mend it, or take the change back.",
                4,
                marks=(GREEN, (1, RED)),
                mappings=[words((0, "well", GREEN), (1, "failed", RED))],
            ),
            stat(
                "Resources that are unfit",
                "short",
                [now(f'max(rowcall_resources{{{I}, rowcall_fit="unfit"}}) or max(rowcall_resources{{{I}}}) * 0')],
                "Of the contract, those that do not fit the database: their methods answer FAILED_PRECONDITION, others go on. "
                "A table or column that the contract names is gone or has another type: the log and `rowcall check` say which.",
                4,
                marks=(GREEN, (1, RED)),
            ),
        ),
        row(
            "What changed? Each change is a mark on every panel: restarts, versions, contracts, catalogs, reloads",
            table(
                "What runs now?",
                [
                    column(f"max by ({EACH}, rowcall_version) (rowcall_build_info{{{I}}})"),
                    column(f"max by ({EACH}, rowcall_hash) (rowcall_contract_info{{{I}}})"),
                    column(f"max by ({EACH}, rowcall_fingerprint) (rowcall_catalog_info{{{I}}})"),
                    column(each("process_uptime_seconds")),
                    column(each("process_memory_usage_bytes")),
                    column(each("rowcall_memory_limit_bytes")),
                ],
                [
                    (None, "none", {}),
                    (None, "none", {}),
                    (None, "none", {}),
                    ("Up for", "dtdurations", {"custom.width": 120}),
                    ("Memory", "bytes", {"custom.width": 90, "decimals": 0}),
                    ("Its limit", "bytes", {"custom.width": 90, "decimals": 0}),
                ],
                {
                    EACH: ("Instance", {"custom.width": 300}),
                    "rowcall_version": ("Version", {"custom.width": 90}),
                    "rowcall_hash": ("Contract", {"custom.width": 140}),
                    "rowcall_fingerprint": ("Catalog", {"custom.width": 140}),
                },
                "Every line should have the same version, contract and catalog, except while a deployment goes on. One that differs did not get the new "
                "contract, or could not reload: see its log. An instance is listed twice for a minute after its contract changed.",
                16,
                height=8,
            ),
            lines(
                "When were plans made anew, and did it work?",
                "short",
                [query(f"sum by (rowcall_outcome) (increase(rowcall_reloads_total{{{I}}}{RATE}))", "{{rowcall_outcome}}")],
                "A reload follows a changed contract, a changed table, or a signal. Failed ones: see `Last reload`. Many applied ones: something alters tables "
                "all the time, such as a job that makes partitions.",
                8,
                soft_high=1,
                colors={"applied": "blue", "failed": "red"},
            ),
        ),
        row(
            "Will the processes survive?",
            lines(
                "Does memory grow? Resident, of the limit",
                "percentunit",
                [query(MEMORY, NAME)],
                "A rise that ends is the cache filling up to `cache.bytes_max`. One that does not end after that is a leak or too many calls, streams and large "
                "answers under way: see Overview, then restart before it reaches 100 %, and report it.",
                8,
            ),
            lines(
                "How many cores are used?",
                "short",
                [query(rate("process_cpu_time_seconds_total", I, EACH), NAME)],
                "Seconds of CPU per second. More than usual without more calls (Overview): larger answers, filters that match little, compression.",
                8,
                stack=True,
            ),
            lines(
                "How many files are open?",
                "short",
                [query(each("process_unix_file_descriptor_count"), NAME)],
                "Follows the callers' connections (Overview) and the pool. A climb that follows neither is a leak: report it.",
                8,
            ),
            lines(
                "How busy are the runtime's workers?",
                "percentunit",
                [query(BUSY, NAME)],
                "The share of time in which they had something to do. At 100 % calls wait for a worker, and every stage is longer than its work: add "
                "instances or cores.",
                high=1,
                marks=(GREEN, (0.8, ORANGE), (0.95, RED)),
            ),
            lines(
                "How many tasks wait for a worker, and how many are alive?",
                "short",
                [query(each("rowcall_runtime_queue_depth"), "wait, " + NAME), query(each("rowcall_runtime_tasks"), "alive, " + NAME)],
                "Waiting tasks should be near zero; many of them mean too little CPU, or a task that does not give way. Tasks alive follow calls, streams and "
                "connections; a climb that does not end is a leak.",
                overrides=[TASKS],
                soft_high=5,
            ),
        ),
        row(
            "Can these panels be trusted?",
            lines(
                "Is telemetry lost? Dropped, by signal",
                "cps",
                [query(rate("rowcall_telemetry_dropped_total", I, "rowcall_signal"), "{{rowcall_signal}}")],
                "Spans, log records and exports of metrics that the Collector did not take. Not zero: the Collector is down or too slow. Metrics catch up, being "
                "totals; traces and log records dropped are gone.",
                8,
                soft_high=1,
            ),
            lines(
                "How many lines of failed and slow calls are not logged?",
                "cps",
                [query(rate("rowcall_log_suppressed_total", I, EACH), NAME)],
                "Beyond `log.calls_per_second` they are counted here instead. Not zero means much fails or is slow (Overview): what the log shows is a sample of "
                "it.",
                8,
                soft_high=1,
            ),
            lines(
                "Which alerts fire?",
                "short",
                [query(firing("alertname, severity"), "{{alertname}}")],
                "Rowcall's alerts as Prometheus evaluates them, the budget's among them; each has a runbook. `none` is also what shows while Prometheus has not "
                "loaded the rules.",
                8,
                stack=True,
                step=True,
                soft_high=1,
                decimals=0,
                colors={"none": "text"},
            ),
        ),
    ],
)
