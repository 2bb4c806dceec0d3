"""What a panel, a variable, an annotation and a link have in common with every other one, in Grafana's classic JSON."""

import json
from urllib.parse import quote

# The budget that panels are coloured by; the alerts' stands in the recording rules.
BUDGET = 0.001
"""Calls that may be failed by us: 99.9 % over 30 days."""
SLOW = 0.25
"""Seconds; a bucket of the histogram."""
SLOW_BUDGET = 0.01
"""Unary calls that may take longer."""
BURN = 14.4
"""Times the budget: a month's is gone in two days."""

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "#5b5e69"

# A gauge's or counter's own labels go behind these.
ONE = 'service_name="$service"'
I = ONE + ', service_instance_id=~"$instance"'
M = I + ', grpc_method=~"$method"'
T = I + ', db_collection_name=~"$table"'
RATE = "[$__rate_interval]"
SERVER = "server_address, server_port"

# What the budget counts. RESOURCE_EXHAUSTED is ours unless the caller has had its own share.
BAD = 'grpc_status=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS|RESOURCE_EXHAUSTED", rowcall_reason!="CALLER_LIMIT"'


def rate(metric, labels, by="", window=RATE, function="rate"):
    by = f" by ({by})" if by else ""
    return f"sum{by} ({function}({metric}{{{labels}}}{window}))"


def quantile(q, metric, labels, by=""):
    by = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {rate(metric + '_bucket', labels, by)})"


def failed_share(labels, window=RATE, by="", function="rate"):
    """Of calls that ended; zero where none has failed, nothing where nothing is known."""
    all_calls = rate("grpc_server_call_duration_seconds_count", labels, by, window, function)
    bad = rate("rowcall_call_failures_total", f"{labels}, {BAD}", by, window, function)
    # Two counters' rates are guessed apart where either has just begun.
    return f"clamp_max(({bad} or {all_calls} * 0) / {all_calls}, 1)"


REPORTING = f"count(changes(process_uptime_seconds{{{I}}}[1m]) > 0)"
"""Processes whose clock has moved: a Collector repeats the last numbers of one that is gone, for a while."""


def alive(expr):
    """Of the last minutes or days, but only while numbers come in: what happened up to a death is not how it goes now.

    NaN where there is nothing to tell of, which `idle` gives its word.
    """
    return f"(({expr}) or on () vector(NaN)) and on () ({REPORTING})"


# ---------------------------------------------------------------------------------------------------------------- queries


def query(expr, legend="", kind="range", form="time_series"):
    return {
        "datasource": PROMETHEUS,
        "editorMode": "code",
        "expr": expr,
        "format": form,
        "instant": kind == "instant",
        "legendFormat": legend or "__auto",
        "range": kind == "range",
    }


def now(expr, legend=""):
    """Asked for this moment alone, so that a value from before a collector's death is not shown as today's."""
    return query(expr, legend, kind="instant")


def column(expr):
    return query(expr, kind="instant", form="table")


def numbered(queries):
    return [{"refId": chr(ord("A") + n), **q} for n, q in enumerate(queries)]


# ----------------------------------------------------------------------------------------------------------------- panels


def steps(*pairs):
    """Colour of the lowest values, then where each next one begins."""
    base, rest = pairs[0], pairs[1:]
    return [{"color": base, "value": None}] + [{"color": color, "value": value} for value, color in rest]


def fields(unit, **more):
    config = {"noValue": "no data", "unit": unit, **more}
    config.setdefault("thresholds", {"mode": "absolute", "steps": steps(GREEN)})
    return {"defaults": config, "overrides": []}


def words(*pairs):
    """Numbers that are states: value, word, colour."""
    options = {str(value): {"color": color, "index": n, "text": text} for n, (value, text, color) in enumerate(pairs)}
    return {"options": options, "type": "value"}


def nothing(text, color):
    """No series at all, which would have the colour of the lowest values otherwise."""
    return {"options": {"match": "null", "result": {"color": color, "index": 10, "text": text}}, "type": "special"}


def idle(text):
    """Nothing divided by nothing: no calls, which is not no data."""
    return {"options": {"match": "nan", "result": {"color": GREY, "index": 9, "text": text}}, "type": "special"}


def panel(kind, title, description, width, height, config, options, queries, links=()):
    return {
        "datasource": PROMETHEUS,
        "description": description,
        "fieldConfig": config,
        "gridPos": {"h": height, "w": width},
        "links": list(links),
        "options": options,
        "targets": numbered(queries),
        "title": title,
        "type": kind,
    }


def stat(title, unit, queries, description, width, *, marks=(BLUE,), mappings=(), decimals=None, names=False,
         empty="no data", absent=GREY, height=4, links=()):
    more = {} if decimals is None else {"decimals": decimals}
    config = fields(
        unit,
        color={"mode": "thresholds"},
        mappings=[*mappings, nothing(empty, absent)],
        thresholds={"mode": "absolute", "steps": steps(*marks)},
        **more,
    )
    config["defaults"]["noValue"] = empty
    options = {
        "colorMode": "background_solid",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["last"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "value_and_name" if names else "value",
        "wideLayout": True,
    }
    return panel("stat", title, description, width, height, config, options, queries, links)


def colored(named):
    name, color = named
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": "color", "value": {"fixedColor": color, "mode": "fixed"}}],
    }


def lines(title, unit, queries, description, width=12, *, height=8, marks=None, stack=False, low=0, high=None, legend="list", step=False,
          decimals=None, overrides=(), links=(), data_links=(), scale=None, soft_high=None, colors=None):
    custom = {
        "axisPlacement": "auto",
        "drawStyle": "line",
        "fillOpacity": 40 if stack else 0,
        "lineInterpolation": "stepAfter" if step else "linear",
        "lineWidth": 1,
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stack else "none"},
        "thresholdsStyle": {"mode": "dashed" if marks else "off"},
    }
    if scale:
        custom["scaleDistribution"] = {"log": scale, "type": "log"}
    if soft_high is not None:
        custom["axisSoftMax"] = soft_high
    more = {"custom": custom, "color": {"mode": "palette-classic"}, "links": list(data_links)}
    if marks:
        more["thresholds"] = {"mode": "absolute", "steps": steps(*marks)}
    if low is not None:
        more["min"] = low
    if high is not None:
        more["max"] = high
    if decimals is not None:
        more["decimals"] = decimals
    config = fields(unit, **more)
    config["overrides"] = [*map(colored, (colors or {}).items()), *overrides]
    table = legend == "table"
    options = {
        "legend": {
            "calcs": ["lastNotNull", "max"] if table else [],
            "displayMode": legend,
            "placement": "right" if table else "bottom",
            "showLegend": True,
            **({"sortBy": "Max", "sortDesc": True, "width": 340} if table else {}),
        },
        "tooltip": {"hideZeros": False, "mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, description, width, height, config, options, queries, links)


def heatmap(title, expr, description, width=12, *, links=(), height=8):
    config = fields("reqps")
    config["defaults"]["custom"] = {"hideFrom": {"legend": False, "tooltip": False, "viz": False}, "scaleDistribution": {"type": "linear"}}
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "reqps"},
        "color": {
            "exponent": 0.5,
            "fill": "dark-orange",
            "mode": "scheme",
            "reverse": False,
            "scale": "exponential",
            "scheme": "Oranges",
            "steps": 64,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    }
    return panel("heatmap", title, description, width, height, config, options, [query(expr, "{{le}}", form="heatmap")], links)


def table(title, queries, columns, labels, description, width=24, *, height=9, sort=None):
    """`columns`: what each query's value is called (None hides it), its unit, its further configuration. `labels`: a label's heading."""
    config = fields("none", custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False})
    overrides = []
    for heading, unit, more in columns:
        if heading is None:
            continue
        properties = [{"id": "unit", "value": unit}] + [{"id": key, "value": value} for key, value in more.items()]
        overrides.append({"matcher": {"id": "byName", "options": heading}, "properties": properties})
    for heading, cell in labels.values():
        properties = [{"id": "unit", "value": "string"}] + [{"id": key, "value": value} for key, value in cell.items()]
        overrides.append({"matcher": {"id": "byName", "options": heading}, "properties": properties})
    config["overrides"] = overrides
    # One query's value keeps its own name; of several, `merge` tells them apart by their letter.
    values = [f"Value #{chr(ord('A') + n)}" for n in range(len(columns))] if len(columns) > 1 else ["Value"]
    order = {name: n for n, name in enumerate([*labels, *values])}
    headings = dict(zip(values, (heading for heading, _, _ in columns)))
    renamed = {name: heading for name, (heading, _) in labels.items()} | {name: heading for name, heading in headings.items() if heading}
    hidden = {"Time": True} | {name: True for name, heading in headings.items() if not heading}
    options = {
        "cellHeight": "sm",
        "frameIndex": 0,
        "showHeader": True,
        "sortBy": [{"desc": True, "displayName": sort}] if sort else [],
    }
    built = panel("table", title, description, width, height, config, options, queries)
    built["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "indexByName": order, "renameByName": renamed}},
    ]
    return built


def row(title, *panels):
    """A question, and the panels that answer it."""
    return {"title": title, "panels": panels}


# ------------------------------------------------------------------------------------------------------------------ links


def explore(selector):
    """Grafana's address of a search in Tempo over the time range of the dashboard. What is in `${}` is Grafana's to fill in."""
    panes = {
        "traces": {
            "datasource": "tempo",
            "queries": [
                {
                    "refId": "A",
                    "datasource": {"type": "tempo", "uid": "tempo"},
                    "queryType": "traceql",
                    "query": f'{{ resource.service.name = "${{service}}" && kind = server && {selector} }}',
                    "limit": 50,
                    "tableType": "traces",
                }
            ],
            "range": {"from": "${__from}", "to": "${__to}"},
        }
    }
    return "/explore?schemaVersion=1&orgId=1&panes=" + quote(json.dumps(panes, separators=(",", ":")), safe="${}")


def traces_of_series(label="grpc_method"):
    """From a line that is one method's."""
    return [{"targetBlank": True, "title": "Traces of this method, in this time", "url": explore(f'name = "${{__field.labels.{label}}}"')}]


def traces_of_panel():
    """From a panel over all the methods chosen."""
    return [
        {
            "asDropdown": False,
            "icon": "external link",
            "includeVars": False,
            "keepTime": False,
            "tags": [],
            "targetBlank": True,
            "title": "Traces of these methods, in this time",
            "tooltip": "",
            "type": "link",
            "url": explore('name =~ "${method:pipe}"'),
        }
    ]


DASHBOARDS = {
    "overview": "Are callers being failed, why, how slowly, since when",
    "database": "Pool, statements, Postgres",
    "cache": "Hits, memory, the feed, Redis",
    "runtime": "What runs, memory, CPU, telemetry",
}


def elsewhere(name):
    """To another dashboard, of the same time and choice."""
    return [
        {
            "asDropdown": False,
            "icon": "dashboard",
            "includeVars": True,
            "keepTime": True,
            "tags": [],
            "targetBlank": False,
            "title": name.capitalize(),
            "tooltip": DASHBOARDS[name],
            "type": "link",
            "url": f"/d/rowcall-{name}",
        }
    ]


def dashboard_links(uid):
    return [link for name in DASHBOARDS if f"rowcall-{name}" != uid for link in elsewhere(name)]


# -------------------------------------------------------------------------------------------------- variables, annotations


def chosen(name, label, metric, value, description):
    return {
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": PROMETHEUS,
        "description": description,
        "hide": 0,
        "includeAll": True,
        "label": label,
        "multi": True,
        "name": name,
        "options": [],
        "query": {"query": f"label_values({metric}{{{ONE}}}, {value})", "refId": "Variable"},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
        "type": "query",
    }


SOURCE = {
    "current": {"selected": True, "text": "Prometheus", "value": "prometheus"},
    "hide": 0,
    "includeAll": False,
    "label": "Prometheus",
    "multi": False,
    "name": "datasource",
    "options": [],
    "query": "prometheus",
    "refresh": 1,
    "regex": "",
    "skipUrlSync": False,
    "type": "datasource",
}
SERVICE = {
    "current": {"selected": True, "text": "rowcall", "value": "rowcall"},
    "datasource": PROMETHEUS,
    "description": "service.name: other services count their calls under the same names.",
    "hide": 0,
    "includeAll": False,
    "label": "Service",
    "multi": False,
    "name": "service",
    "options": [],
    "query": {"query": "label_values(rowcall_build_info, service_name)", "refId": "Variable"},
    "refresh": 2,
    "regex": "",
    "skipUrlSync": False,
    "sort": 1,
    "type": "query",
}
INSTANCE = chosen("instance", "Instance", "rowcall_build_info", "service_instance_id", "service.instance.id of a process.")
METHOD = chosen("method", "Method", "grpc_server_call_started_total", "grpc_method", "Service and method; `other` is what the contract does not have.")
TABLE = chosen("table", "Table", "db_client_operation_duration_seconds_count", "db_collection_name", "The table or view that a statement reads or writes.")


def changed(name, metric, label, color, title):
    """A value of `label` that was not there one step ago, while others were: something changed in what went on."""
    there = f"count by ({label}) ({metric}{{{I}}})"
    before = f"{metric}{{{I}}} offset $__interval"
    return annotation(name, f"{there} unless count by ({label}) ({before}) and on () count({before})", color, title, label)


def annotation(name, expr, color, title, *labels):
    return {
        "datasource": PROMETHEUS,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "name": name,
        "tagKeys": ",".join(labels),
        "target": {"editorMode": "code", "expr": expr, "instant": False, "interval": "10s", "range": True, "refId": "Anno"},
        "textFormat": "",
        "titleFormat": title,
    }


ANNOTATIONS = [
    annotation(
        "Restarts",
        f"count by (service_instance_id) (process_uptime_seconds{{{I}}} * 1000 < $__interval_ms + 20000)",
        "yellow",
        "Process {{service_instance_id}} started",
        "service_instance_id",
    ),
    changed("Versions", "rowcall_build_info", "rowcall_version", "purple", "Version {{rowcall_version}}"),
    changed("Contracts", "rowcall_contract_info", "rowcall_hash", "blue", "Contract {{rowcall_hash}} in force"),
    changed("Catalogs", "rowcall_catalog_info", "rowcall_fingerprint", "light-blue", "Catalog {{rowcall_fingerprint}}: the database's tables changed"),
    annotation(
        "Reloads",
        f"count by (rowcall_outcome) (rowcall_reloads_total{{{I}}} > (rowcall_reloads_total{{{I}}} offset $__interval or rowcall_reloads_total{{{I}}} * 0))",
        "orange",
        "Reload {{rowcall_outcome}}",
        "rowcall_outcome",
    ),
]


def dashboard(name, description, variables, rows):
    uid = f"rowcall-{name.lower()}"
    panels, y = [], 0
    for question in rows:
        panels.append({"collapsed": False, "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}, "panels": [], "title": question["title"], "type": "row"})
        x, y, height = 0, y + 1, 0
        for one in question["panels"]:
            w, h = one["gridPos"]["w"], one["gridPos"]["h"]
            if x + w > 24:
                x, y, height = 0, y + height, 0
            one["gridPos"] = {"h": h, "w": w, "x": x, "y": y}
            x, height = x + w, max(height, h)
            panels.append(one)
        y += height
    return {
        "annotations": {"list": ANNOTATIONS},
        "description": description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": dashboard_links(uid),
        "panels": [{"id": n, **one} for n, one in enumerate(panels, 1)],
        "refresh": "30s",
        "schemaVersion": 41,
        "tags": ["rowcall"],
        "templating": {"list": [SOURCE, SERVICE, INSTANCE, *variables]},
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": f"Rowcall / {name}",
        "uid": uid,
        "version": 1,
        "weekStart": "",
    }
