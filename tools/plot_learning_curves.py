#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the learning curves of several jobs into one SVG: one panel per example, one color per job name, a thin line per
seed and a thick one for their mean. Needs matplotlib.

    plot_learning_curves.py --output docs/objective_curves.svg --panel "additions: accuracy" accuracy RUN/seed*/metrics.jsonl
"""

import argparse
import collections
import json
import pathlib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "cohort"
import matplotlib.pyplot as plt  # noqa: E402

SMOOTHING_STEPS = 5


def read_curves(paths, metric):
    """{job: [[(step, value), ...] per file]} of one metric."""
    curves = collections.defaultdict(list)
    for path in paths:
        by_job = collections.defaultdict(list)
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("event", row.get("kind")) == "step" and metric in row:
                by_job[row.get("job", pathlib.Path(path).parent.name)].append((row["policy_version"], row[metric]))
        for job, points in by_job.items():
            curves[job].append(sorted(points))
    return curves


def smoothed(values):
    """Trailing mean over SMOOTHING_STEPS values."""
    return [sum(values[max(0, i + 1 - SMOOTHING_STEPS) : i + 1]) / min(i + 1, SMOOTHING_STEPS) for i in range(len(values))]


def draw_panel(axes, title, metric, paths):
    for index, (job, runs) in enumerate(sorted(read_curves(paths, metric).items())):
        color = f"C{index}"
        for run in runs:
            axes.plot([s for s, _ in run], smoothed([v for _, v in run]), color=color, linewidth=0.6, alpha=0.5)
        shortest = min(len(run) for run in runs)
        mean = [sum(run[i][1] for run in runs) / len(runs) for i in range(shortest)]
        axes.plot([s for s, _ in runs[0][:shortest]], smoothed(mean), color=color, linewidth=1.8, label=job)
    axes.set_title(title)
    axes.set_xlabel("train step")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", required=True)
    parser.add_argument("--panel", action="append", nargs="+", required=True, metavar="TITLE METRIC FILE...")
    options = parser.parse_args()
    figure, all_axes = plt.subplots(1, len(options.panel), figsize=(6.5 * len(options.panel), 4.2), squeeze=False)
    for axes, (title, metric, *paths) in zip(all_axes[0], options.panel):
        draw_panel(axes, title, metric, paths)
    figure.tight_layout()
    figure.savefig(options.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
