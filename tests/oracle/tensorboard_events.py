#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the events file of a run folder against its metrics.jsonl, read by TensorBoard itself.

Usage: tensorboard_events.py RUN_FOLDER
"""

import collections
import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing import event_accumulator


def expected_scalars(lines):
    """Tag (without its group) -> [(step, value)], in order."""
    scalars = collections.defaultdict(list)
    for line in lines:
        record = json.loads(line)
        step = record["policy_version"]
        if record["kind"] == "step":
            for name, value in record.items():
                if name not in ("kind", "time", "policy_version"):
                    scalars[name].append((step, value))
            continue
        for name in ("accuracy", "mean_reward", "mean_completion_tokens", "num_completions", "num_no_verdict"):
            scalars[f"{record['run']}/{name}"].append((step, record[name]))
        for verifier, value in record.get("mean_values", {}).items():
            scalars[f"{record['run']}/value/{verifier}"].append((step, value))
        for k, value in record.get("pass_at_k", {}).items():
            scalars[f"{record['run']}/pass_at_{k}"].append((step, value))
    return scalars


def main():
    run = pathlib.Path(sys.argv[1])
    expected = expected_scalars((run / "metrics.jsonl").read_text().splitlines())
    # 0: all of them, no sample.
    events = event_accumulator.EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    shown = {
        tag.partition("/")[2]: [(scalar.step, scalar.value) for scalar in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
    assert expected and shown.keys() == expected.keys(), shown.keys() ^ expected.keys()
    for name, points in expected.items():
        assert [step for step, _ in points] == [step for step, _ in shown[name]], name
        for (step, value), (_, as_shown) in zip(points, shown[name]):
            # null: what JSON cannot say.
            value = math.nan if value is None else value
            is_equal = math.isclose(value, as_shown, rel_tol=1e-6, abs_tol=1e-37) or not math.isfinite(value)
            assert is_equal, f"{name}, step {step}: {value} is shown as {as_shown}"
    print(f"tensorboard: {len(expected)} scalars of {run} are as in metrics.jsonl")


if __name__ == "__main__":
    main()
