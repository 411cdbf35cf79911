# SPDX-License-Identifier: Apache-2.0
"""The files in dashboards/ are what the definitions give and pass every check; each check finds the fault it is for."""

import copy
import json
import pathlib
import unittest

import dashboard_checks
import generate
import panels
import promql

PAGE = pathlib.Path("docs/operations/metrics.md")


def read(dashboard):
    return (generate.FOLDER / dashboard.file_name).read_text(encoding="utf-8")


class DashboardFiles(unittest.TestCase):
    def test_files_are_what_the_definitions_give(self):
        for dashboard in generate.DASHBOARDS:
            self.assertEqual(read(dashboard), generate.render(dashboard), f"{dashboard.file_name}: run generate.py")
        names = {path.name for path in generate.FOLDER.glob("*.json")}
        self.assertEqual(names, {dashboard.file_name for dashboard in generate.DASHBOARDS})

    def test_files_pass_every_check(self):
        documented = dashboard_checks.documented_metrics(PAGE.read_text(encoding="utf-8"))
        self.assertGreater(len(documented), 60)
        for dashboard in generate.DASHBOARDS:
            faults = dashboard_checks.check(json.loads(read(dashboard)), dashboard.file_name, documented)
            self.assertEqual(faults, [], dashboard.file_name)

    def test_links_know_the_dashboards(self):
        takes_one_job = {d.uid: (d.title, panels.TRAINING_JOB in d.variables) for d in generate.DASHBOARDS}
        self.assertEqual(takes_one_job, panels.SIBLINGS)

    def test_every_metric_is_on_a_dashboard(self):
        documented = dashboard_checks.documented_metrics(PAGE.read_text(encoding="utf-8"))
        plotted = {
            promql.base_name(metric) if metric not in documented else metric
            for dashboard in generate.DASHBOARDS
            for row in dashboard.rows
            for panel in row.panels
            for query in panel.queries
            for metric in promql.metrics_of(query.expr)
        }
        self.assertEqual(set(documented) - plotted, set())


class MetricsOf(unittest.TestCase):
    def test_names_of_metrics_and_nothing_else(self):
        expr = (
            'sum by (a, b) (rate(x_total{c="d_e",f=~"g|h"}[5m])) / on (a) group_left (i) avg(y:z) or vector(0) >'
            " bool 1e3"
        )
        self.assertEqual(promql.metrics_of(expr), {"x_total", "y:z"})
        self.assertEqual(promql.metrics_of("histogram_quantile(0.5, sum(rate(h_bucket[1m])) by (le))"), {"h_bucket"})
        self.assertEqual(promql.labels_of(expr), {"a", "b", "c", "f", "i"})
        self.assertEqual(promql.metrics_of("a unless a offset 5m"), {"a"})


def plot(dashboard):
    return next(panel for panel in dashboard["panels"] if panel["type"] == "timeseries")


def with_id_of_neighbor(dashboard):
    dashboard["panels"][2]["id"] = dashboard["panels"][1]["id"]


def with_title_of_neighbor(dashboard):
    dashboard["panels"][2]["title"] = dashboard["panels"][1]["title"]


def with_overlap(dashboard):
    dashboard["panels"][2]["gridPos"]["x"] -= 1


def outside_of_the_grid(dashboard):
    dashboard["panels"][1]["gridPos"]["w"] = 30


def with_fixed_datasource(dashboard):
    plot(dashboard)["targets"][0]["datasource"] = {"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}


def without_datasource_variable(dashboard):
    dashboard["templating"]["list"] = [v for v in dashboard["templating"]["list"] if v["name"] != "datasource"]


def with_fresh_uid(dashboard):
    dashboard["uid"] = "b7Zr9fXnk"


def without_uid(dashboard):
    del dashboard["uid"]


def with_old_schema(dashboard):
    dashboard["schemaVersion"] = 16


def without_links(dashboard):
    dashboard["links"] = []


def with_dead_link(dashboard):
    dashboard["links"][0]["url"] = "/d/cohort-rewards?${datasource:queryparam}"


def without_unit(dashboard):
    plot(dashboard)["fieldConfig"]["defaults"]["unit"] = None


def without_description(dashboard):
    plot(dashboard)["description"] = ""


def without_thresholds(dashboard):
    plot(dashboard)["fieldConfig"]["defaults"]["thresholds"]["steps"] = []


def with_thresholds_out_of_order(dashboard):
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 2}, {"color": "yellow", "value": 1}]
    plot(dashboard)["fieldConfig"]["defaults"]["thresholds"]["steps"] = steps


def without_legend(dashboard):
    plot(dashboard)["targets"][0]["legendFormat"] = ""


def without_queries(dashboard):
    plot(dashboard)["targets"] = []


def with_misspelled_metric(dashboard):
    plot(dashboard)["targets"][0]["expr"] = "sum(cohort_training_rewards)"


def with_misspelled_metric_in_variable(dashboard):
    dashboard["templating"]["list"][1]["definition"] = "label_values(cohort_info, namespace)"


def with_label_of_others(dashboard):
    plot(dashboard)["targets"][0]["expr"] = 'cohort_training_reward_mean{phase="wait"}'


def with_legend_of_others(dashboard):
    plot(dashboard)["targets"][0]["legendFormat"] = "{{verifier}}"


def without_metric(dashboard):
    plot(dashboard)["targets"][0]["expr"] = "vector(1)"


def with_undefined_variable(dashboard):
    plot(dashboard)["targets"][0]["expr"] = 'cohort_training_loss{training_job=~"$jobs"}'


def with_unused_variable(dashboard):
    dashboard["templating"]["list"].append({"name": "unused", "type": "textbox"})


# (what spoils a good dashboard, a part of the sentence that names it)
FAULTS = (
    (with_id_of_neighbor, "is given twice"),
    (with_title_of_neighbor, "two panels are called"),
    (with_overlap, "overlaps"),
    (outside_of_the_grid, "is outside of the grid"),
    (with_fixed_datasource, "does not take its data from ${datasource}"),
    (without_datasource_variable, "there is no variable datasource"),
    (with_fresh_uid, "uid is b7Zr9fXnk"),
    (without_uid, "uid is None"),
    (with_old_schema, "schemaVersion is 16"),
    (without_links, "no link to cohort-learner"),
    (with_dead_link, "link to cohort-rewards, which does not exist"),
    (without_unit, "has no unit"),
    (without_description, "has no description"),
    (without_thresholds, "has no thresholds"),
    (with_thresholds_out_of_order, "thresholds out of order"),
    (without_legend, "has no legend"),
    (without_queries, "asks for nothing"),
    (with_misspelled_metric, "reads cohort_training_rewards, which"),
    (with_misspelled_metric_in_variable, "reads cohort_info, which"),
    (with_label_of_others, "uses the label phase"),
    (with_legend_of_others, "uses the label verifier"),
    (without_metric, "reads no metric"),
    (with_undefined_variable, "$jobs is used and not defined"),
    (with_unused_variable, "$unused is defined and not used"),
)


class Checks(unittest.TestCase):
    def test_each_check_finds_the_fault_it_is_for(self):
        documented = dashboard_checks.documented_metrics(PAGE.read_text(encoding="utf-8"))
        good = generate.DASHBOARDS[0].to_json()
        file_name = generate.DASHBOARDS[0].file_name
        self.assertEqual(dashboard_checks.check(good, file_name, documented), [])
        for spoil, sentence in FAULTS:
            with self.subTest(spoil.__name__):
                spoiled = copy.deepcopy(good)
                spoil(spoiled)
                faults = dashboard_checks.check(spoiled, file_name, documented)
                self.assertTrue(any(sentence in fault for fault in faults), faults)


if __name__ == "__main__":
    unittest.main()
