#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes dashboards/*.json from the definitions of this folder.

    python3 deploy/grafana/generate.py

dashboards_test fails while a file differs from what its definition gives.
"""

import json
import pathlib

import cluster
import coordinator_and_rewards
import learner
import rollout_engine
import training_job

DASHBOARDS = (
    cluster.DASHBOARD,
    training_job.DASHBOARD,
    rollout_engine.DASHBOARD,
    learner.DASHBOARD,
    coordinator_and_rewards.DASHBOARD,
)
FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"


def render(dashboard):
    return json.dumps(dashboard.to_json(), indent=1) + "\n"


def main():
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / dashboard.file_name).write_text(render(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
