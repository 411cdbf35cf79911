# SPDX-License-Identifier: Apache-2.0
"""Rules and configuration are valid, every alert has a test that fails when the alert never or always fires, and what alerts
refer to (metrics, runbooks, the table of docs/operations/monitoring.md) exists."""

import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

FOLDER = pathlib.Path("deploy/prometheus").resolve()
sys.path.insert(0, str(FOLDER.parent / "grafana"))
import dashboard_checks  # noqa: E402
import promql  # noqa: E402

HEALTHY = FOLDER / "rule_tests/healthy_test.yaml"
OPERATIONS = pathlib.Path("docs/operations")
FOREIGN_METRICS = {"up"}
SEVERITIES = {"critical", "warning", "info"}


def promtool(*arguments):
    """(whether it was content, what it said)"""
    done = subprocess.run([os.environ["PROMTOOL"], *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


@functools.cache
def rule_files():
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("rules/*.yaml"))}


@functools.cache
def rule_tests():
    return {path: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("rule_tests/*.yaml"))}


def rules(kind):
    return [
        rule for file in rule_files().values() for group in file["groups"] for rule in group["rules"] if kind in rule
    ]


def expectations_of(alert):
    """The sets of samples that the alert's tests expect."""
    tests = [test for content in rule_tests().values() for test in content["tests"] if test["name"] == alert]
    return [case["exp_samples"] for test in tests for case in test["promql_expr_test"]]


def slug(heading):
    """The anchor that a Markdown heading gets."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.strip().lower()).replace(" ", "-")


def write_changed(alert, expr, folder):
    """The tests of one alert, with that alert alone and another expression. Without all others, which these tests do not
    look at, they take a small part of the time."""
    rule = next(rule for rule in rules("alert") if rule["alert"] == alert) | {"expr": expr}
    rule_file = {"groups": [{"name": "changed", "rules": [rule]}]}
    tests = [test for content in rule_tests().values() for test in content["tests"] if test["name"] == alert]
    test_file = {"rule_files": [f"{alert}_rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / f"{alert}_rules.yaml").write_text(yaml.safe_dump(rule_file))
    (folder / f"{alert}_test.yaml").write_text(yaml.safe_dump(test_file))


def alerts_with_failures(expr, folder):
    """The alerts whose tests fail when every alert has the same other expression."""
    for rule in rules("alert"):
        write_changed(rule["alert"], expr, folder)
    _, said = promtool("test", "rules", *sorted(folder.glob("*_test.yaml")))
    failed = [line for line in said.splitlines() if line.strip().startswith("expr: ")]
    return {name for line in failed for name in re.findall(r'alertname=\\"(\w+)', line)}


class Promtool(unittest.TestCase):
    def test_configuration_and_rules_are_valid(self):
        content, said = promtool("check", "config", FOLDER / "prometheus.yml")
        self.assertTrue(content, said)
        self.assertIn("2 rule files found", said)

    def test_rule_tests_pass(self):
        content, said = promtool("test", "rules", *rule_tests())
        self.assertTrue(content, said)

    def test_scrape_jobs_are_those_that_rules_ask_for(self):
        configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        jobs = {scrape["job_name"] for scrape in configuration["scrape_configs"]}
        asked = {name for rule in rules("expr") for name in re.findall(r"cohort-[a-z-]+", rule["expr"])}
        self.assertEqual(asked, jobs)
        for scrape in configuration["scrape_configs"]:
            for file in scrape["file_sd_configs"][0]["files"]:
                self.assertTrue(yaml.safe_load((FOLDER / file).read_text())[0]["targets"], file)


class Alerts(unittest.TestCase):
    def test_each_is_tested_quiet_and_firing(self):
        names = [rule["alert"] for rule in rules("alert")]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreater(len(names), 30)
        for name in names:
            expected = expectations_of(name)
            self.assertIn([], expected, f"{name}: no test of when it is quiet")
            self.assertTrue(any(expected), f"{name}: no test of when it fires")
        tested = {test["name"] for content in rule_tests().values() for test in content["tests"]}
        self.assertEqual(tested - set(names), {"a healthy run raises nothing"})

    def test_tests_fail_when_an_alert_never_or_always_fires(self):
        names = {rule["alert"] for rule in rules("alert")}
        for expr in ("vector(1) > 1", "vector(1)"):
            with tempfile.TemporaryDirectory() as scratch:
                self.assertEqual(alerts_with_failures(expr, pathlib.Path(scratch)), names, expr)

    def test_healthy_run_has_every_metric_that_alerts_read(self):
        series = set(re.findall(r"series: '([a-zA-Z_]\w*)", HEALTHY.read_text()))
        recorded = {rule["record"] for rule in rules("record")}
        read = {metric for rule in rules("expr") for metric in promql.metrics_of(rule["expr"])}
        # Where the coordinator knows a checkpoint's time, the ranks' own is not looked at.
        self.assertEqual(read - recorded - series, {"cohort_learner_checkpoint_timestamp_seconds"})

    def test_texts_and_severities(self):
        for rule in rules("alert"):
            self.assertRegex(rule["alert"], "^Cohort[A-Z]")
            self.assertIn(rule["labels"]["severity"], SEVERITIES, rule["alert"])
            self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"}, rule["alert"])


class References(unittest.TestCase):
    def test_metrics_are_documented(self):
        documented = dashboard_checks.documented_metrics((OPERATIONS / "metrics.md").read_text())
        known = set(documented) | FOREIGN_METRICS | {rule["record"] for rule in rules("record")}
        for rule in rules("expr"):
            metrics = promql.metrics_of(rule["expr"])
            self.assertTrue(metrics, rule)
            unknown = {m for m in metrics if m not in known and promql.base_name(m) not in known}
            self.assertEqual(unknown, set(), rule.get("alert", rule.get("record")))

    def test_recorded_series_are_read(self):
        read = {metric for rule in rules("expr") for metric in promql.metrics_of(rule["expr"])}
        self.assertLessEqual({rule["record"] for rule in rules("record")}, read)

    def test_runbooks_have_the_heading(self):
        page = (OPERATIONS / "runbooks.md").read_text()
        anchors = {slug(line.lstrip("#")) for line in page.splitlines() if line.startswith("#")}
        for rule in rules("alert"):
            path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
            self.assertEqual(path, "docs/operations/runbooks.md", rule["alert"])
            self.assertIn(anchor, anchors, rule["alert"])

    def test_table_lists_the_alerts(self):
        page = (OPERATIONS / "monitoring.md").read_text()
        listed = re.findall(r"^\| `(Cohort\w+)` \| (\w+) \|.*\(runbooks\.md#([a-z-]+)\)", page, re.MULTILINE)
        expected = [
            (rule["alert"], rule["labels"]["severity"], rule["annotations"]["runbook_url"].partition("#")[2])
            for rule in rules("alert")
        ]
        self.assertEqual(listed, expected)

    def test_files_begin_with_their_groups(self):
        for name, content in rule_files().items():
            self.assertEqual(list(content), ["groups"], name)


if __name__ == "__main__":
    unittest.main()
