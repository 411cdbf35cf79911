# SPDX-License-Identifier: Apache-2.0
"""Holds the objects of every installation against each other, and shows of every check that it can fail."""

import copy
import pathlib
import re
import subprocess
import unittest

import cross_checks
import manifests
from manifests import INSTALLATIONS, all_containers, of_kind

VERSION = subprocess.run(["coordinator/cohort-coordinator", "--version"], capture_output=True, text=True,
                         check=True).stdout.split()[-1]
METRICS = set(re.findall(r"^\| `(cohort_\w+)`", pathlib.Path("docs/operations/metrics.md").read_text(), re.MULTILINE))


def setUpModule():
    global ROOT, SECRETS, ALL
    ROOT = manifests.copy_sources()
    SECRETS = manifests.make_secrets(ROOT)
    ALL = {name: manifests.all_objects(ROOT, name, SECRETS) for name in INSTALLATIONS}


CHECKS = {
    "selectors": cross_checks.selectors_select,
    "service ports": cross_checks.service_ports_exist,
    "references": cross_checks.references_resolve,
    "files": cross_checks.files_are_there,
    "ports": cross_checks.ports_and_probes_agree,
    "lockdown": cross_checks.pods_are_locked_down,
    "images": lambda objects: cross_checks.images_are_pinned(objects, VERSION),
    "settings": cross_checks.settings_fit_together,
    "queries": lambda objects: cross_checks.queries_ask_for_what_exists(objects, METRICS),
}


def get(objects, kind, name):
    return next(o for o in of_kind(objects, kind) if o["metadata"]["name"] == name)


def pod(objects, name):
    return next(t for o, t in manifests.pod_templates(objects)
                if o["metadata"]["name"] == name and o["spec"].get("replicas") != 0)


def container(objects, name):
    return pod(objects, name)["spec"]["containers"][0]


def replace(items, old, new):
    index = next(i for i, item in enumerate(items) if item == old)
    items[index] = new


def drop(objects, kind, name):
    objects.remove(get(objects, kind, name))


def env(objects, owner, name, value):
    next(e for e in container(objects, owner)["env"] if e["name"] == name)["value"] = value


WORKER, LEARNER, COORDINATOR, DEMO = "cohort-rollout-worker", "cohort-learner", "cohort-coordinator", "cohort-demo"
COMPONENT = "app.kubernetes.io/component"

# (the check that must complain, in which installation, what is broken)
MUTATIONS = [
    ("selectors", "base", lambda o: pod(o, WORKER)["metadata"]["labels"].pop(COMPONENT)),
    ("selectors", "base", lambda o: get(o, "Service", COORDINATOR)["spec"]["selector"].update({COMPONENT: "x"})),
    ("selectors", "base", lambda o: get(o, "Service", COORDINATOR)["spec"]["selector"].pop(COMPONENT)),
    ("selectors", "base",
     lambda o: get(o, "PodDisruptionBudget", LEARNER)["spec"]["selector"]["matchLabels"].update({COMPONENT: "x"})),
    ("selectors", "base",
     lambda o: get(o, "NetworkPolicy", "learner")["spec"]["podSelector"]["matchLabels"].update({COMPONENT: "x"})),
    ("selectors", "base", lambda o: get(o, "PodMonitor", "cohort")["spec"]["selector"].update(matchLabels={"a": "b"})),
    ("service ports", "base", lambda o: get(o, "Service", COORDINATOR)["spec"]["ports"][0].update(targetPort="grp")),
    ("service ports", "base", lambda o: get(o, "Service", LEARNER)["spec"]["ports"][0].update(port=7072)),
    ("service ports", "base", lambda o: container(o, WORKER)["ports"][0].update(name="metrics")),
    ("references", "base", lambda o: drop(o, "Secret", "cohort-learner-tls")),
    ("references", "base", lambda o: drop(o, "ServiceAccount", COORDINATOR)),
    ("references", "base", lambda o: drop(o, "PersistentVolumeClaim", "cohort-files")),
    ("references", "base", lambda o: drop(o, "Deployment", WORKER)),
    ("references", "base", lambda o: drop(o, "Service", LEARNER)),
    ("references", "base", lambda o: container(o, LEARNER)["volumeMounts"][0].update(name="nothing")),
    ("references", "overlays/cpu-demo",
     lambda o: o.remove(next(c for c in of_kind(o, "ConfigMap") if "generate.py" in c["data"]))),
    ("references", "overlays/gpu", lambda o: drop(o, "PriorityClass", LEARNER)),
    ("references", "overlays/jobset-kueue", lambda o: drop(o, "LocalQueue", "cohort")),
    ("references", "overlays/jobset-kueue", lambda o: drop(o, "ClusterQueue", "cohort")),
    ("references", "overlays/jobset-kueue", lambda o: drop(o, "ResourceFlavor", "cohort-gpu")),
    ("files", "base", lambda o: get(o, "Secret", "cohort-learner-tokens")["data"].pop("token")),
    ("files", "base",
     lambda o: replace(container(o, COORDINATOR)["args"], "--data_dir=/cohort/state", "--data_dir=/x")),
    ("files", "base", lambda o: pod(o, WORKER)["spec"]["volumes"][-1]["secret"].update(defaultMode=0o644)),
    ("files", "overlays/cpu-demo", lambda o: replace(container(o, DEMO)["args"], "--file=/example/grpo.yaml",
                                                     "--file=/example/gspo.yaml")),
    ("files", "overlays/cpu-demo", lambda o: container(o, DEMO)["args"]
     and replace(container(o, DEMO)["args"], "--file=/example/grpo.yaml", "--file=/elsewhere/grpo.yaml")),
    ("ports", "base", lambda o: container(o, COORDINATOR)["ports"][0].update(containerPort=7071)),
    ("ports", "base", lambda o: container(o, WORKER)["readinessProbe"]["httpGet"].update(path="/ready")),
    ("ports", "base", lambda o: container(o, WORKER)["startupProbe"]["httpGet"].update(port="grpc")),
    ("ports", "base", lambda o: container(o, WORKER)["livenessProbe"]["httpGet"].update(path="/readyz")),
    ("ports", "base", lambda o: container(o, LEARNER).pop("livenessProbe")),
    ("ports", "base", lambda o: replace(container(o, WORKER)["args"], "--coordinator=cohort-coordinator:7070",
                                        "--coordinator=coordinator:7070")),
    ("ports", "base", lambda o: get(o, "StatefulSet", LEARNER)["spec"].update(serviceName="learners")),
    ("ports", "overlays/cpu-demo", lambda o: next(
        e for e in container(o, DEMO)["env"] if e["name"] == "COHORT_SERVER").update(value="localhost:7070")),
    ("lockdown", "base", lambda o: pod(o, LEARNER)["spec"]["securityContext"].pop("runAsUser")),
    ("lockdown", "base", lambda o: pod(o, LEARNER)["spec"]["securityContext"].pop("seccompProfile")),
    ("lockdown", "base", lambda o: pod(o, LEARNER)["spec"].pop("automountServiceAccountToken")),
    ("lockdown", "base", lambda o: pod(o, WORKER)["spec"].update(hostNetwork=True)),
    ("lockdown", "base", lambda o: pod(o, WORKER)["spec"]["volumes"].append({"name": "x", "hostPath": {"path": "/"}})),
    ("lockdown", "base", lambda o: container(o, WORKER)["securityContext"].pop("readOnlyRootFilesystem")),
    ("lockdown", "base", lambda o: container(o, WORKER)["securityContext"].pop("capabilities")),
    ("lockdown", "base", lambda o: container(o, WORKER)["securityContext"].update(allowPrivilegeEscalation=True)),
    ("lockdown", "base", lambda o: container(o, WORKER)["resources"]["limits"].pop("memory")),
    ("lockdown", "base", lambda o: get(o, "ServiceAccount", WORKER).pop("automountServiceAccountToken")),
    ("lockdown", "overlays/gpu", lambda o: container(o, WORKER)["resources"]["limits"].pop("nvidia.com/gpu")),
    ("lockdown", "overlays/gpu", lambda o: env(o, LEARNER, "DEVICE", "cpu")),
    ("images", "base", lambda o: container(o, WORKER).update(image="cohort-cpu")),
    ("images", "base", lambda o: container(o, WORKER).update(image="cohort-cpu:latest")),
    ("images", "overlays/gpu", lambda o: container(o, LEARNER).update(image="cohort-cuda:0.0.1")),
    ("settings", "base", lambda o: env(o, WORKER, "THREADS", "2")),
    ("settings", "base", lambda o: env(o, COORDINATOR, "STOP_SECONDS", "1800")),
    ("settings", "base", lambda o: env(o, COORDINATOR, "LEARNER_MEMORY_GIB", "24")),
    ("settings", "overlays/gpu", lambda o: env(o, COORDINATOR, "LEARNER_MEMORY_GIB", "16")),
    ("settings", "base", lambda o: pod(o, LEARNER)["spec"]["securityContext"].pop("sysctls")),
    ("settings", "base", lambda o: get(o, "NetworkPolicy", "learner")["spec"]["ingress"][1]["ports"][0].update(port=1)),
    ("settings", "base", lambda o: next(
        v for v in pod(o, LEARNER)["spec"]["volumes"] if v["name"] == "shm")["emptyDir"].pop("medium")),
    ("queries", "base", lambda o: get(o, "ScaledObject", WORKER)["spec"]["triggers"][0]["metadata"].update(
        query='sum(cohort_coordinator_queue_depth{namespace="cohort"})')),
    ("queries", "base", lambda o: get(o, "ScaledObject", WORKER)["spec"]["triggers"][0]["metadata"].update(
        query="sum(cohort_coordinator_groups{})")),
]


class CrossCheckTest(unittest.TestCase):
    def test_objects_fit_together(self):
        for name, objects in ALL.items():
            for check, function in CHECKS.items():
                with self.subTest(installation=name, check=check):
                    self.assertEqual(function(objects), [])

    def test_jobset_is_the_statefulset(self):
        jobset, plain = ALL["overlays/jobset-kueue"], ALL["overlays/gpu"]
        self.assertEqual(cross_checks.gangs_are_equal(jobset, plain), [])
        for mutate in (lambda o: env(o, LEARNER, "THREADS", "8"),
                       lambda o: env(o, LEARNER, "LEARNER_NAME", "cohort-learner-0"),
                       lambda o: pod(o, LEARNER)["spec"].pop("tolerations"),
                       lambda o: get(o, "StatefulSet", LEARNER)["spec"].update(replicas=8),
                       lambda o: get(o, "PodDisruptionBudget", LEARNER)["spec"].update(minAvailable=7)):
            broken = copy.deepcopy(jobset)
            mutate(broken)
            self.assertNotEqual(cross_checks.gangs_are_equal(broken, plain), [])

    def test_every_check_can_fail(self):
        self.assertEqual({check for check, _, _ in MUTATIONS}, set(CHECKS))
        for index, (check, name, mutate) in enumerate(MUTATIONS):
            with self.subTest(mutation=index, check=check, installation=name):
                broken = copy.deepcopy(ALL[name])
                mutate(broken)
                self.assertNotEqual(broken, ALL[name])
                self.assertNotEqual(CHECKS[check](broken), [])

    def test_only_gpu_overlays_ask_for_gpus(self):
        asking = {name for name, objects in ALL.items() for _, _, c in all_containers(objects)
                  if "nvidia.com/gpu" in c["resources"]["limits"]}
        self.assertEqual(asking, {"overlays/gpu", "overlays/jobset-kueue"})

    def test_coordinator_listens_where_clients_look_by_default(self):
        text = subprocess.run(["coordinator/cohort-coordinator", "--help"], capture_output=True, text=True,
                              check=True).stdout
        port = re.search(r"--listen TEXT=127\.0\.0\.1:(\d+)", text)[1]
        for objects in ALL.values():
            self.assertEqual(get(objects, "Service", COORDINATOR)["spec"]["ports"][0]["port"], int(port))

    def test_pages_name_what_exists(self):
        """The commands of the pages, which need a cluster, speak of overlays, files and objects that there are."""
        names = {f"{o['kind'].lower()}/{o['metadata']['name']}" for objects in ALL.values() for o in objects}
        for page in ("deploy/kubernetes/README.md", "docs/getting_started_kubernetes.md"):
            commands = "\n".join(re.findall(r"<!-- not run: .*? -->\n *```\n(.*?)^ *```",
                                            pathlib.Path(page).read_text(), re.DOTALL | re.MULTILINE))
            paths = re.findall(r"\bdeploy/kubernetes/[\w./-]+", commands)
            objects = re.findall(r"\b(?:statefulset|deployment|service|job)/[\w-]+", commands)
            self.assertGreater(len(paths), 1, page)
            self.assertGreater(len(objects), 1, page)
            self.assertEqual([p for p in paths if not (ROOT / p).exists()], [], page)
            self.assertEqual(set(objects) - names, set(), page)


if __name__ == "__main__":
    unittest.main()
