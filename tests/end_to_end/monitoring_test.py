# SPDX-License-Identifier: Apache-2.0
"""A tiny SFT job and a tiny RLVR job under `cohortctl local`, scraped by Prometheus with the shipped configuration and
rules: every query of every dashboard returns data, every alert can be evaluated and none fires, and the metrics that
processes export are those of docs/operations/metrics.md."""

import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import yaml

ROOT = pathlib.Path.cwd()
sys.path[:0] = [str(ROOT / "deploy/grafana"), str(ROOT / "tools")]
import dashboard_checks  # noqa: E402
import generate  # noqa: E402
import promql  # noqa: E402
import scraped_run  # noqa: E402

RUN_SECONDS = 600  # more is a failure
STOP_SECONDS = 60  # for `cohortctl local` to end what it started
JOB = "namespaces/default/jobs/rlvr"
NUM_STEPS = 300  # for Prometheus to see some of the run also on a fast machine

# The example's model, made small.
SIZES = {
    "head_dim": 16,
    "hidden_size": 32,
    "intermediate_size": 96,
    "max_window_layers": 2,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
}

SFT = """
model: {path: model}
sft:
  data: {jsonl: {path: demonstrations.jsonl}, fields: {prompt: prompt, completion: completion}}
  sequences_per_step: 16
optimizer: {learning_rate: 3.0e-3}
training: {num_steps: 12, world_size: 2, seed: 5}
"""

# Everything that a panel shows: two branches, a KL penalty, an evaluation with pass@k, budgets, lag and checkpoints.
RLVR = f"""
model: {{from_job: sft}}
rlvr:
  data: {{jsonl: {{path: problems.jsonl}}, fields: {{prompt: prompt, answer: answer}}}}
  reward: {{verifiers: [{{name: sum, math_answer: {{answer_marker: ">"}}}}]}}
  rollout:
    group_size: 4
    groups_per_step: 8
    max_lag: 1
    sampling: {{temperature: 1, max_completion_tokens: 8}}
objective:
  preset: dhpo
  kl: {{estimator: k3, coefficient: 0.001}}
  mismatch: {{correction: truncate, cap: 2}}
optimizer: {{learning_rate: 1.0e-3}}
training: {{num_steps: {NUM_STEPS}, updates_per_step: 2, world_size: 2, seed: 5}}
checkpoint: {{every_steps: 4}}
budget: {{tokens: 100000000, wall_time: 3600s, device_seconds: 100000}}
evaluation:
  data: {{jsonl: {{path: held_out.jsonl}}, fields: {{prompt: prompt, answer: answer}}}}
  every_steps: 10
  runs:
    - name: sampled
      samples_per_problem: 4
      pass_at_k: [1, 4]
      sampling: {{temperature: 1, max_completion_tokens: 8}}
"""

# Without TLS there is no series: secure_run_test looks at it.
NEEDS_TLS = {"cohort_tls_certificate_not_after_timestamp_seconds"}

# Label values that alerts look for and that a run in which nothing goes wrong may not have, and why.
ABSENT_VALUES = {
    ("code", "RESOURCE_EXHAUSTED"): "no call is refused for want of room",
    ("waits_for", "dataset"): "a dataset of 100 lines is read at once",
    ("waits_for", "claims"): "workers claim groups as soon as they are there",
}


def write_example(folder):
    shipped = ROOT / "examples/arithmetic/model"
    (folder / "template").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(shipped / name, folder / "template" / name)
    config = json.loads((shipped / "config.json").read_text())
    (folder / "template/config.json").write_text(json.dumps(config | SIZES))
    command = [ROOT / "cli/cohortctl", "model", "init", "--template", folder / "template", "--output", folder / "model"]
    subprocess.run([*map(str, command), "--seed", "5"], check=True)
    rows = {"demonstrations": [], "problems": [], "held_out": []}
    for a in range(10):
        for b in range(10):
            prompt = f"{a}+{b}="
            rows["demonstrations"].append({"prompt": prompt, "completion": f">{a + b}"})
            held_out = (10 * a + b) % 7 == 0
            rows["held_out" if held_out else "problems"].append({"prompt": prompt, "answer": a + b})
    for name, lines in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "sft.yaml").write_text(SFT)
    (folder / "rlvr.yaml").write_text(RLVR)


def substituted(expr):
    return scraped_run.substituted(expr, JOB, "10s", f"{RUN_SECONDS}s")


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup((scratch := tempfile.TemporaryDirectory()).cleanup)
        folder = pathlib.Path(scratch.name)
        write_example(folder)
        run_dir = folder / "run"
        command = [
            ROOT / "cli/cohortctl",
            "local",
            "-f",
            "sft.yaml",
            "-f",
            "rlvr.yaml",
            "--run_dir",
            run_dir,
            "--keep_serving",
        ]
        output = folder / "local.log"
        with output.open("w") as log:
            local = subprocess.Popen([*map(str, command)], cwd=folder, stdout=log, stderr=subprocess.STDOUT)

        def stop():
            local.send_signal(signal.SIGINT)
            try:
                local.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                local.kill()
                local.wait()
                raise

        cls.addClassCleanup(stop)
        (folder / "prometheus").mkdir()
        cls.prometheus = cls.enterClassContext(
            scraped_run.ScrapedRun(os.environ["PROMETHEUS"], ROOT / "deploy/prometheus", run_dir, folder / "prometheus")
        )
        cls.start = time.time()
        while "serving at" not in output.read_text():
            if local.poll() is not None or time.time() > cls.start + RUN_SECONDS:
                raise RuntimeError("the jobs did not end:\n" + output.read_text())
            time.sleep(0.2)
        cls.prometheus.await_targets(5)
        time.sleep(2 * cls.prometheus.interval_seconds)  # the last values of the jobs are scraped
        cls.end = time.time()
        cls.run_dir = run_dir

    def has_data(self, expr):
        """Whether the expression had a number at some moment of the run, the last first."""
        moment = self.end
        while moment > self.start:
            if any(math.isfinite(float(series["value"][1])) for series in self.prometheus.query(expr, moment)):
                return True
            moment -= 2
        return False

    def exported(self):
        """The metrics that the processes export now."""
        found = set()
        for listed in scraped_run.addresses(self.run_dir).values():
            for address in listed:
                with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
                    found |= set(re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE))
        return found

    def test_every_panel_has_data(self):
        empty = []
        for dashboard in generate.DASHBOARDS:
            optional = dashboard.optional_panels()
            for panel in dashboard.to_json()["panels"]:
                for target in panel.get("targets", []):
                    if panel["title"] not in optional and not self.has_data(substituted(target["expr"])):
                        empty.append(f"{dashboard.title} / {panel['title']}: {target['expr']}")
        self.assertEqual(empty, [], "no data for:\n" + "\n".join(empty))

    def test_what_may_be_empty_needs_a_gpu_tls_or_a_fault(self):
        reasons = {reason for dashboard in generate.DASHBOARDS for reason in dashboard.optional_panels().values()}
        known = {"needs GPUs and dcgm-exporter", "empty without TLS", "empty until the first call fails"}
        self.assertEqual(reasons, known)

    def test_variables_offer_the_job_and_the_processes(self):
        jobs = self.prometheus.get("label/training_job/values", **{"match[]": "cohort_coordinator_policy_version"})
        self.assertIn(JOB, jobs)
        for component, count in (("cohort-coordinator", 1), ("cohort-rollout-worker", 2), ("cohort-learner", 2)):
            match = f'cohort_build_info{{component="{component}"}}'
            self.assertEqual(len(self.prometheus.get("label/instance/values", **{"match[]": match})), count)

    def test_every_rule_is_evaluated_and_no_alert_fires(self):
        names = set(self.prometheus.get("label/__name__/values"))
        groups = self.prometheus.get("rules")["groups"]
        alerts = 0
        for rule in (rule for group in groups for rule in group["rules"]):
            self.assertEqual(rule["health"], "ok", rule)
            self.prometheus.query(rule["query"], self.end)  # raises when it is refused
            self.assertEqual(promql.metrics_of(rule["query"]) - names - NEEDS_TLS, set(), rule["name"])
            for label, value in set(re.findall(r'(\w+)="([^"]*)"', rule["query"])) - set(ABSENT_VALUES):
                self.assertIn(value, self.prometheus.get(f"label/{label}/values"), f"{rule['name']}: {label}")
            alerts += rule["type"] == "alerting"
            self.assertNotEqual(rule.get("state"), "firing", rule)
        self.assertGreater(alerts, 30)

    def test_autoscaling_asks_for_what_is_there(self):
        scaled = yaml.safe_load((ROOT / "deploy/kubernetes/overlays/autoscale/scaled_object.yaml").read_text())
        query = scaled["spec"]["triggers"][0]["metadata"]["query"]
        outside = query.replace('namespace="cohort",', "")  # this run is in no namespace of Kubernetes
        self.assertNotEqual(outside, query)
        self.assertTrue(self.has_data(outside), query)

    def test_exported_metrics_are_the_documented_ones(self):
        page = (ROOT / "docs/operations/metrics.md").read_text()
        documented = set(dashboard_checks.documented_metrics(page))
        exported = self.exported()
        self.assertEqual(exported - documented, set(), "exported and not documented")
        self.assertEqual(documented - exported, NEEDS_TLS, "documented and not exported")


if __name__ == "__main__":
    unittest.main()
