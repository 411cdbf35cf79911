# SPDX-License-Identifier: Apache-2.0
"""What must hold for a dashboard's JSON. Each check takes the parsed file and gives one sentence for each fault."""

import itertools
import re

import panels
import promql

# Metrics that are not Cohort's: of Prometheus itself, and of dcgm-exporter.
FOREIGN_METRICS = frozenset(
    {
        "ALERTS",
        "DCGM_FI_DEV_FB_FREE",
        "DCGM_FI_DEV_FB_USED",
        "DCGM_FI_DEV_GPU_TEMP",
        "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_XID_ERRORS",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    }
)


# Labels that Prometheus, Kubernetes or dcgm-exporter add.
FOREIGN_LABELS = frozenset({"alertname", "alertstate", "gpu", "Hostname", "instance", "job", "le", "namespace"})


def documented_metrics(page):
    """{name: labels} of the tables of docs/operations/metrics.md."""
    found = {}
    head = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells[0] == "metric":
            head = cells
        name = re.fullmatch(r"`((?:cohort|process)_[a-z0-9_]+)`", cells[0]) if cells else None
        if name:
            labels = cells[head.index("labels")] if "labels" in head else ""
            found[name[1]] = set(re.findall(r"`(\w+)`", labels))
    return found


def _plots(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _queries(dashboard):
    """(panel title, target) of every query."""
    return [(panel["title"], target) for panel in _plots(dashboard) for target in panel["targets"]]


def check_head(dashboard, file_name):
    faults = []
    uid = "cohort-" + file_name.removesuffix(".json").replace("_", "-")
    if dashboard.get("uid") != uid:
        faults.append(f"uid is {dashboard.get('uid')}, not {uid}: links and bookmarks would break")
    if dashboard.get("schemaVersion") != panels.SCHEMA_VERSION:
        faults.append(f"schemaVersion is {dashboard.get('schemaVersion')}")
    if not dashboard.get("title") or not dashboard.get("description"):
        faults.append("title or description is missing")
    linked = {uid for link in dashboard.get("links", []) for uid in re.findall(r"^/d/([a-z-]+)\?", link["url"])}
    faults += [f"no link to {other}" for other in sorted(set(panels.SIBLINGS) - linked - {uid})]
    faults += [f"link to {other}, which does not exist" for other in sorted(linked - set(panels.SIBLINGS))]
    return faults


def check_ids(dashboard):
    ids = [panel.get("id") for panel in dashboard["panels"]]
    titles = [panel["title"] for panel in dashboard["panels"]]
    return [f"id {i} is given twice" for i in sorted({i for i in ids if ids.count(i) > 1})] + [
        f"two panels are called {title}" for title in sorted({t for t in titles if titles.count(t) > 1})
    ]


def check_positions(dashboard):
    faults = []
    boxes = [(panel["title"], panel["gridPos"]) for panel in dashboard["panels"]]
    for title, box in boxes:
        if box["w"] <= 0 or box["h"] <= 0 or box["x"] < 0 or box["y"] < 0 or box["x"] + box["w"] > panels.COLUMNS:
            faults.append(f"{title} is outside of the grid")
    for (a, one), (b, other) in itertools.combinations(boxes, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        if not apart:
            faults.append(f"{a} overlaps {b}")
    return faults


def check_datasources(dashboard):
    variables = dashboard["templating"]["list"]
    users = [(panel["title"], panel) for panel in _plots(dashboard)] + _queries(dashboard)
    users += [(variable["name"], variable) for variable in variables if variable["type"] == "query"]
    faults = [
        f"{name} does not take its data from ${{datasource}}"
        for name, user in users
        if user.get("datasource") != panels.DATASOURCE
    ]
    if not any(v["name"] == "datasource" and v["type"] == "datasource" for v in variables):
        faults.append("there is no variable datasource")
    return faults


def check_panels(dashboard):
    faults = []
    for panel in _plots(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        if not panel.get("description"):
            faults.append(f"{panel['title']} has no description")
        if not defaults.get("unit"):
            faults.append(f"{panel['title']} has no unit")
        if not defaults.get("thresholds", {}).get("steps"):
            faults.append(f"{panel['title']} has no thresholds")
        values = [step["value"] for step in defaults.get("thresholds", {}).get("steps", [])]
        if values and (values[0] is not None or values[1:] != sorted(values[1:])):
            faults.append(f"{panel['title']} has thresholds out of order")
        if not panel["targets"]:
            faults.append(f"{panel['title']} asks for nothing")
    for title, target in _queries(dashboard):
        if not target.get("legendFormat"):
            faults.append(f"{title} has no legend for {target['expr']}")
    return faults


def check_metrics(dashboard, documented):
    known = set(documented) | FOREIGN_METRICS
    faults = []
    expressions = _queries(dashboard)
    for variable in dashboard["templating"]["list"]:
        for metric in re.findall(r"^label_values\((\w+)", variable.get("definition", "")):
            expressions.append((variable["name"], {"expr": metric}))
    for title, target in expressions:
        metrics = promql.metrics_of(target["expr"])
        if not metrics:
            faults.append(f"{title} reads no metric: {target['expr']}")
        faults += [
            f"{title} reads {metric}, which docs/operations/metrics.md does not list"
            for metric in sorted(metrics)
            if metric not in known and promql.base_name(metric) not in known
        ]
    return faults


def check_labels(dashboard, documented):
    faults = []
    for title, target in _queries(dashboard):
        known = set(FOREIGN_LABELS)
        for metric in promql.metrics_of(target["expr"]):
            known |= documented.get(metric, documented.get(promql.base_name(metric), set()))
        used = promql.labels_of(target["expr"]) | set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        faults += [f"{title} uses the label {label}, which its metrics do not have" for label in sorted(used - known)]
    return faults


def check_variables(dashboard):
    variables = dashboard["templating"]["list"]
    defined = {variable["name"] for variable in variables}
    texts = [target["expr"] for _, target in _queries(dashboard)]
    texts += [link["url"] for link in dashboard["links"]]
    texts += [link["url"] for panel in _plots(dashboard) for link in panel["fieldConfig"]["defaults"]["links"]]
    texts += [variable.get("definition", "") for variable in variables]
    used = {name for text in texts for name in re.findall(r"\$\{?([a-zA-Z_]\w*)", text) if not name.startswith("__")}
    faults = [f"${name} is used and not defined" for name in sorted(used - defined)]
    faults += [f"${name} is defined and not used" for name in sorted(defined - used - {"datasource"})]
    return faults


def check(dashboard, file_name, documented):
    return (
        check_head(dashboard, file_name)
        + check_ids(dashboard)
        + check_positions(dashboard)
        + check_datasources(dashboard)
        + check_panels(dashboard)
        + check_metrics(dashboard, documented)
        + check_labels(dashboard, documented)
        + check_variables(dashboard)
    )
