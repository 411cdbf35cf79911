#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a Grafana dashboard of this repository from what Prometheus knows, as a picture: same panels, titles, units,
thresholds and places. Runs a command that takes --run_dir, scrapes its processes and draws the job when it has ended:

    python3 tools/render_dashboard.py --job grpo --rows "Now,Reward,Policy,Mismatch and lag,Time" \\
        --output docs/training_dashboard.png -- examples/arithmetic/run_demo.sh

Needs matplotlib, and Prometheus where `tools/setup.sh --tests` left it.
"""

import argparse
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker  # noqa: E402

import scraped_run  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROMETHEUS = pathlib.Path("~/.cache/cohort/prometheus/usr/bin/prometheus").expanduser()
DPI = 100
COLUMN_INCHES, LINE_INCHES = 0.66, 0.36  # of one unit of the dashboard's grid
POINTS = 240
LEGEND_LETTERS, LEGEND_LINES = 72, 3
COLORS = {"green": "#3a8f3d", "yellow": "#c79a00", "red": "#c4162a", "blue": "#1f60c4"}
SCALES = {
    "percentunit": ((0.01, "%"),),
    "bytes": ((2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")),
    "Bps": ((1e9, " GB/s"), (1e6, " MB/s"), (1e3, " kB/s"), (1, " B/s")),
    "MBs": ((1e3, " GB/s"), (1, " MB/s"), (1e-3, " kB/s")),
    "s": ((3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms"), (1e-6, " µs")),
    "watt": ((1, " W"),),
    "celsius": ((1, " °C"),),
}


def formatted(value, unit, decimals=None):
    """As Grafana writes a value of that unit."""
    if not math.isfinite(value):
        return "No data"
    if unit == "sci":
        return f"{value:.2e}"
    suffix = " " + unit.removeprefix("suffix:").strip() if unit.startswith("suffix:") else ""
    scales = SCALES.get(unit, ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, "")) if abs(value) >= 1e4 else ((1, ""),))
    scale, name = next(((s, n) for s, n in scales if abs(value) >= s), scales[-1] if value else (1, scales[-1][1]))
    if unit == "s" and not value:
        scale, name = 1, " s"
    scaled = value / scale
    if decimals is None and abs(scaled) < 1000:
        return f"{scaled:.3g}{name}{suffix}"
    return f"{scaled:.{decimals or 0}f}{name}{suffix}"


def in_minutes(value, _):
    return f"{value:g} min"


def color_of(value, steps):
    passed = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLORS[passed[-1]]


def legend_of(template, labels):
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), template)


class Asker:
    """Answers the queries of a dashboard for one job and time range."""

    def __init__(self, server, job, start, end):
        self.server, self.start, self.end = server, start, end
        self._step = max((end - start) / POINTS, server.interval_seconds)
        self._job = job
        self._rate_interval = f"{math.ceil(self._step + 4 * server.interval_seconds)}s"
        self._range = f"{math.ceil(end - start)}s"

    def _substituted(self, expr):
        return scraped_run.substituted(expr, self._job, self._rate_interval, self._range)

    def curves(self, target):
        """[(legend, seconds since the start, values)]"""
        answer = self.server.query_range(self._substituted(target["expr"]), self.start, self.end, self._step)
        curves = []
        for series in answer:
            points = [(float(t) - self.start, float(v)) for t, v in series["values"]]
            legend = legend_of(target["legendFormat"], series["metric"])
            curves.append((legend, [t for t, _ in points], [v for _, v in points]))
        return sorted(curves, key=lambda curve: curve[0])

    def newest(self, target):
        """[(legend, value)] at the end."""
        answer = self.server.query(self._substituted(target["expr"]), self.end)
        found = [(legend_of(target["legendFormat"], s["metric"]), float(s["value"][1])) for s in answer]
        return sorted(found)


def draw_stat(axes, panel, asker):
    defaults = panel["fieldConfig"]["defaults"]
    axes.axis("off")
    found = [pair for target in panel["targets"] for pair in asker.newest(target)]
    for index, (legend, value) in enumerate(found or [("", math.nan)]):
        place = (index + 0.5) / max(1, len(found))
        color = color_of(value, defaults["thresholds"]["steps"]) if math.isfinite(value) else "#777777"
        text = formatted(value, defaults["unit"], defaults.get("decimals"))
        axes.text(
            place,
            0.5,
            text,
            ha="center",
            va="center",
            fontsize=19,
            color=color,
            weight="bold",
            transform=axes.transAxes,
        )
        if len(found) > 1:
            axes.text(place, 0.08, legend, ha="center", va="center", fontsize=7, transform=axes.transAxes)


def draw_bars(axes, panel, asker):
    defaults = panel["fieldConfig"]["defaults"]
    found = [pair for target in panel["targets"] for pair in asker.newest(target)]
    if not found:
        axes.axis("off")
        axes.text(0.5, 0.5, "No data", ha="center", transform=axes.transAxes, color="#777777")
    for legend, value in found:
        axes.barh(legend, value, color=color_of(value, defaults["thresholds"]["steps"]))
        axes.text(
            value, legend, " " + formatted(value, defaults["unit"], defaults.get("decimals")), va="center", fontsize=8
        )
    axes.set_xlim(defaults.get("min", 0), defaults.get("max", max([v for _, v in found] + [1e-9]) * 1.2))
    axes.xaxis.set_visible(False)


def draw_heatmap(axes, panel, asker):
    rows = [curve for target in panel["targets"] for curve in asker.curves(target)]
    rows.sort(key=lambda row: float(row[0]))
    if not rows:
        return
    shortest = min(len(row[2]) for row in rows)
    cumulative = [row[2][-shortest:] for row in rows]
    cells = [[b - a for a, b in zip(low, high)] for low, high in zip([[0] * shortest] + cumulative, cumulative)]
    axes.pcolormesh([t / 60 for t in rows[0][1][-shortest:]], range(len(rows)), cells, cmap="Blues", shading="nearest")
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(in_minutes))


def draw_timeseries(axes, panel, asker):
    defaults = panel["fieldConfig"]["defaults"]
    curves = [curve for target in panel["targets"] for curve in asker.curves(target)]
    if defaults["custom"]["stacking"]["mode"] == "normal" and curves:
        moments = sorted({t for _, times, _ in curves for t in times})
        tables = [(legend, dict(zip(times, values))) for legend, times, values in curves]
        layers = [[v if math.isfinite(v := table.get(t, 0.0)) else 0.0 for t in moments] for _, table in tables]
        axes.stackplot([t / 60 for t in moments], layers, labels=[legend for legend, _ in tables], alpha=0.55)
    else:
        for legend, times, values in curves:
            axes.plot([t / 60 for t in times], values, label=legend, linewidth=1.2)
    if defaults["custom"]["scaleDistribution"]["type"] == "log":
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    low, high = axes.get_ylim()
    axes.set_ylim(defaults.get("min", low), min(defaults["max"], 1.04 * defaults["max"]) if "max" in defaults else high)
    for step in defaults["thresholds"]["steps"]:
        if step["value"] is not None and axes.get_ylim()[0] < step["value"] < axes.get_ylim()[1]:
            axes.axhline(step["value"], color=COLORS[step["color"]], linestyle="--", linewidth=0.8)
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: formatted(v, defaults["unit"])))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(in_minutes))
    axes.set_xlim(0, (asker.end - asker.start) / 60)
    axes.grid(alpha=0.25, linewidth=0.5)
    if curves:
        handles, names = axes.get_legend_handles_labels()
        columns = max(1, min(3, LEGEND_LETTERS // (4 + max(map(len, names)))))
        shown = columns * LEGEND_LINES
        place = {"loc": "upper left", "bbox_to_anchor": (0, -0.11), "frameon": False, "borderpad": 0}
        axes.legend(handles[:shown], names[:shown], fontsize=6.5, ncols=columns, **place)
    else:
        axes.text(0.5, 0.5, "No data", ha="center", transform=axes.transAxes, color="#777777")


DRAW = {"stat": draw_stat, "bargauge": draw_bars, "heatmap": draw_heatmap, "timeseries": draw_timeseries}


def chosen_panels(dashboard, rows):
    """The panels of the rows of these titles (of all, when none is named), moved up over what is left out."""
    chosen, wanted, shift, previous_end = [], not rows, 0, 0
    for panel in dashboard["panels"]:
        box = panel["gridPos"]
        if panel["type"] == "row":
            wanted = not rows or panel["title"] in rows
            if wanted:
                shift = box["y"] - previous_end
        if wanted:
            chosen.append((panel, box["y"] - shift))
            previous_end = max(previous_end, box["y"] - shift + box["h"])
    return chosen


def draw(dashboard, rows, asker, output):
    panels = chosen_panels(dashboard, rows)
    height = max(y + panel["gridPos"]["h"] for panel, y in panels) + 1.5  # a line and a half for the head
    width = 24
    figure = plt.figure(figsize=(width * COLUMN_INCHES, height * LINE_INCHES), dpi=DPI, facecolor="white")
    figure.text(0.01, 1 - 0.9 / height, dashboard["title"], fontsize=14, weight="bold", va="center")
    for panel, y in panels:
        box = panel["gridPos"]
        left, top = box["x"] / width, 1 - (y + 1.5) / height
        if panel["type"] == "row":
            figure.text(left + 0.01, top - 0.6 / height, panel["title"], fontsize=11, va="center", color="#444444")
            continue
        is_plot = panel["type"] != "stat"
        margins = (1.5, 0.35, 1.1, 1.75) if is_plot else (0.2, 0.2, 1.1, 0.3)  # left, right, top, bottom, in grid units
        if panel["type"] == "bargauge":
            margins = (4.5, 0.5, 1.1, 0.6)
        axes = figure.add_axes(
            (
                left + margins[0] / width,
                top - (box["h"] - margins[3]) / height,
                (box["w"] - margins[0] - margins[1]) / width,
                (box["h"] - margins[2] - margins[3]) / height,
            )
        )
        figure.text(left + 0.2 / width, top - 0.55 / height, panel["title"], fontsize=8.5, weight="bold", va="center")
        axes.tick_params(labelsize=6.5)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        DRAW[panel["type"]](axes, panel, asker)
    figure.savefig(output, metadata={"Software": None})


def time_of_job(server, job, start, end):
    """The part of the time range in which the job ran."""
    running = f'max(cohort_coordinator_job_state{{training_job="{job}",state="running"}}) == 1'
    moments = [
        float(t)
        for curve in server.query_range(running, start, end, server.interval_seconds)
        for t, _ in curve["values"]
    ]
    if not moments:
        sys.exit(f"render_dashboard.py: --job: it did not run ({job})")
    # The last scrapes may have failed, which Prometheus notes later and further back.
    first = min(moments)
    return first, max(first + server.interval_seconds, max(moments) - 2 * server.interval_seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dashboard", default="training_job", help="name of a file in deploy/grafana/dashboards")
    parser.add_argument("--job", required=True, help="id of the job in namespace default")
    parser.add_argument("--rows", default="", help="titles of rows, with commas between; default: all")
    parser.add_argument("--output", required=True, help="PNG file to write")
    parser.add_argument("--run_dir", help="run folder of the command; default: a temporary one")
    parser.add_argument("command", nargs="+", help="what runs the job; --run_dir is added at its end")
    options = parser.parse_args()
    dashboard = json.loads((ROOT / f"deploy/grafana/dashboards/{options.dashboard}.json").read_text(encoding="utf-8"))
    rows = [row.strip() for row in options.rows.split(",") if row.strip()]
    unknown = set(rows) - {panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"}
    if unknown:
        parser.error(f"--rows: the dashboard has no row {', '.join(sorted(unknown))}")
    prometheus = os.environ.get("PROMETHEUS", str(PROMETHEUS))
    with tempfile.TemporaryDirectory() as scratch:
        run_dir = options.run_dir or os.path.join(scratch, "run")
        os.mkdir(os.path.join(scratch, "prometheus"))
        configuration = ROOT / "deploy/prometheus"
        with scraped_run.ScrapedRun(prometheus, configuration, run_dir, os.path.join(scratch, "prometheus")) as server:
            start = time.time()
            subprocess.run([*options.command, "--run_dir", run_dir], check=True)
            job = f"namespaces/default/jobs/{options.job}"
            asker = Asker(server, job, *time_of_job(server, job, start, time.time()))
            draw(dashboard, rows, asker, options.output)


if __name__ == "__main__":
    main()
