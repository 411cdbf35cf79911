# SPDX-License-Identifier: Apache-2.0
"""What a dashboard is made of, and how it becomes Grafana's JSON. Definitions build these records; `Dashboard.to_json` lays
panels out from left to right, numbers them and writes out what Grafana would otherwise leave to its defaults."""

import dataclasses

COLUMNS = 24
SCHEMA_VERSION = 38  # Grafana 10.0 and later read it
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


@dataclasses.dataclass(frozen=True)
class Query:
    """One PromQL expression; `legend` names its series by labels in {{braces}}."""

    expr: str
    legend: str


@dataclasses.dataclass(frozen=True)
class Panel:
    """One panel. `steps` are the values from which a color holds: ((0.9, YELLOW), (0.95, RED)); below the first it is
    green. `kind` is timeseries, stat, bargauge or heatmap. `optional` says why it may be empty on a healthy run."""

    title: str
    description: str
    unit: str
    queries: tuple
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    steps: tuple = ()
    minimum: float | None = None
    maximum: float | None = None
    stacked: bool = False
    logarithmic: bool = False
    decimals: int | None = None
    optional: str = ""
    link: tuple = ()  # (title, URL) that a click on a series opens

    def to_json(self, panel_id, x, y):
        return {
            "id": panel_id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "datasource": DATASOURCE,
            "targets": [self._target(index, query) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._field_defaults(), "overrides": []},
            "options": self._options(),
        }

    def _target(self, index, query):
        return {
            "refId": chr(ord("A") + index),
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend,
            "format": "heatmap" if self.kind == "heatmap" else "time_series",
            "instant": self.kind in ("stat", "bargauge"),
            "range": self.kind not in ("stat", "bargauge"),
        }

    def _field_defaults(self):
        steps = [{"color": GREEN, "value": None}] + [{"color": color, "value": value} for value, color in self.steps]
        defaults = {
            "unit": self.unit,
            "color": {"mode": "palette-classic" if self.kind == "timeseries" else "thresholds"},
            "thresholds": {"mode": "absolute", "steps": steps},
            "links": [{"title": self.link[0], "url": self.link[1]}] if self.link else [],
        }
        for name, value in (("min", self.minimum), ("max", self.maximum), ("decimals", self.decimals)):
            if value is not None:
                defaults[name] = value
        if self.kind == "timeseries":
            defaults["custom"] = {
                "drawStyle": "line",
                "fillOpacity": 40 if self.stacked else 0,
                "lineWidth": 1,
                "showPoints": "never",
                "spanNulls": False,
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
                "scaleDistribution": {"type": "log", "log": 10} if self.logarithmic else {"type": "linear"},
                "thresholdsStyle": {"mode": "dashed" if self.steps else "off"},
            }
        return defaults

    def _options(self):
        if self.kind == "timeseries":
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        if self.kind == "heatmap":
            return {
                "calculate": False,
                "color": {"mode": "scheme", "scheme": "Blues", "steps": 32},
                "yAxis": {"unit": self.unit},
                "cellGap": 1,
                "legend": {"show": True},
            }
        options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "orientation": "auto"}
        if self.kind == "stat":
            options.update(colorMode="value", graphMode="none", textMode="auto", justifyMode="auto")
        else:
            options.update(displayMode="basic", showUnfilled=True)
        return options


def stat(title, description, unit, expr, width=3, **options):
    """A panel that shows the newest value of `expr`."""
    return Panel(title, description, unit, (Query(expr, title),), kind="stat", width=width, height=4, **options)


@dataclasses.dataclass(frozen=True)
class Row:
    """Panels under one heading. `optional` says why all of them may be empty."""

    title: str
    panels: tuple
    optional: str = ""


@dataclasses.dataclass(frozen=True)
class Variable:
    """A choice at the head of a dashboard: the values of `label` over the series of `query`. `regex` cuts a part out of
    them. `all_value` is what the choice "All" stands for; empty for the list of all values."""

    name: str
    label: str
    query: str
    regex: str = ""
    multiple: bool = True
    all_value: str = ""

    def to_json(self):
        everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": DATASOURCE,
            "definition": self.query,
            "query": {"query": self.query, "refId": self.name},
            "regex": self.regex,
            "multi": self.multiple,
            "includeAll": self.multiple,
            "allValue": self.all_value or None,
            "current": everything if self.multiple else {},
            "refresh": 2,  # when the time range changes: jobs come and go
            "sort": 1,
            "hide": 0,
            "options": [],
        }


NAMESPACE = Variable("namespace", "Kubernetes namespace", "label_values(cohort_build_info, namespace)", all_value=".*")
JOB_NAMESPACE = Variable(
    "job_namespace",
    "Job namespace",
    'label_values(cohort_coordinator_policy_version{namespace=~"$namespace"}, training_job)',
    regex="/namespaces\\/([^\\/]+)\\/jobs\\/.*/",
    all_value="[^/]+",
)
JOBS_QUERY = (
    'label_values(cohort_coordinator_policy_version{namespace=~"$namespace",'
    'training_job=~"namespaces/($job_namespace)/jobs/.*"}, training_job)'
)
TRAINING_JOB = Variable("training_job", "Training job", JOBS_QUERY, multiple=False)
TRAINING_JOBS = Variable("training_job", "Training job", JOBS_QUERY, all_value="namespaces/[^/]+/jobs/.*")


# The dashboards by uid: title, and whether one training job is chosen or several.
SIBLINGS = {
    "cohort-cluster": ("Cluster", False),
    "cohort-training-job": ("Training job", True),
    "cohort-rollout-engine": ("Rollout engine", False),
    "cohort-learner": ("Learner", True),
    "cohort-coordinator-and-rewards": ("Coordinator and rewards", False),
}


def instances_of(component):
    """The choice of processes of one component."""
    query = f'label_values(cohort_build_info{{namespace=~"$namespace",component="{component}"}}, instance)'
    return Variable("instance", "Process", query, all_value=".*")


@dataclasses.dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    description: str
    variables: tuple
    rows: tuple

    @property
    def file_name(self):
        return self.uid.removeprefix("cohort-").replace("-", "_") + ".json"

    def to_json(self):
        return {
            "uid": self.uid,
            "title": f"Cohort / {self.title}",
            "description": self.description,
            "tags": ["cohort"],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "annotations": {"list": []},
            "links": self._links(),
            "templating": {"list": [self._datasource_variable()] + [v.to_json() for v in self.variables]},
            "panels": self._layout(),
        }

    def optional_panels(self):
        """{panel title: reason} of those that may be empty on a healthy run."""
        return {
            p.title: p.optional or row.optional for row in self.rows for p in row.panels if p.optional or row.optional
        }

    def _links(self):
        """To the other dashboards, with the same choices: but for "All", where the other one takes a single job."""
        links = []
        for uid, (title, takes_one_job) in SIBLINGS.items():
            names = ["datasource", "namespace", "job_namespace"]
            if TRAINING_JOB in self.variables or not takes_one_job:
                names.append("training_job")
            choices = "&".join(f"${{{name}:queryparam}}" for name in names)
            link = {"type": "link", "title": title, "icon": "dashboard", "url": f"/d/{uid}?{choices}"}
            links.append(link | {"keepTime": True, "includeVars": False, "targetBlank": False})
        return [link for link in links if link["title"] != self.title]

    def _datasource_variable(self):
        shown = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
        return shown | {"regex": "", "multi": False, "includeAll": False, "current": {}, "refresh": 1, "hide": 0}

    def _layout(self):
        panels = []
        y = 0
        for row in self.rows:
            panels.append(
                {
                    "id": len(panels) + 1,
                    "type": "row",
                    "title": row.title,
                    "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                    "collapsed": False,
                    "panels": [],
                }
            )
            y += 1
            x = line_height = 0
            for panel in row.panels:
                if x + panel.width > COLUMNS:
                    x, y, line_height = 0, y + line_height, 0
                panels.append(panel.to_json(len(panels) + 1, x, y))
                x += panel.width
                line_height = max(line_height, panel.height)
            y += line_height
        return panels
