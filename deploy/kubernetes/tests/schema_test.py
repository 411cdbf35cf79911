# SPDX-License-Identifier: Apache-2.0
"""Base and overlays render with Debian's kubectl, and every object is one that the API accepts."""

import copy
import pathlib
import re
import subprocess
import textwrap
import unittest

import jsonschema
import kubernetes_validate

import custom_schemas
import manifests
from manifests import FURTHER, INSTALLATIONS, name_of, of_kind

VERSIONS = ("1.27", "1.37")  # the oldest that README.md names, and the newest that the package knows
CLUSTER_SCOPED = {"Namespace", "PriorityClass", "ClusterQueue", "ResourceFlavor"}


def complaints(item):
    """What is wrong with one object; none when it is accepted."""
    try:
        schema = custom_schemas.schema_of(item)
        if schema is None:
            for version in VERSIONS:
                kubernetes_validate.validate(item, version, strict=True)
        else:
            jsonschema.validate(item, schema)
        if item["kind"] == "JobSet":
            for replicated in item["spec"]["replicatedJobs"]:
                complaints_of_job = complaints({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"},
                                                **replicated["template"]})
                if complaints_of_job:
                    return complaints_of_job
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError,
            jsonschema.ValidationError) as error:
        return f"{name_of(item)}: {getattr(error, 'message', error)}"
    return ""


class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = manifests.copy_sources()
        cls.rendered = {name: manifests.read(manifests.render(cls.root, name)) for name in (*INSTALLATIONS, *FURTHER)}
        cls.cluster = [item for path in (cls.root / "deploy/kubernetes/cluster").glob("*.yaml")
                       for item in manifests.read(path.read_text())]
        cls.secrets = manifests.read((manifests.make_secrets(cls.root) / "secrets.yaml").read_text())

    def test_every_object_is_valid(self):
        for name, objects in {**self.rendered, "cluster": self.cluster, "secrets": self.secrets}.items():
            self.assertNotEqual(objects, [])
            for item in objects:
                with self.subTest(overlay=name, object=name_of(item)):
                    self.assertEqual(complaints(item), "")

    def test_names_are_unique_and_namespaces_set(self):
        for name, objects in self.rendered.items():
            names = [name_of(item) for item in objects]
            self.assertEqual(len(names), len(set(names)), name)
            for item in objects:
                expected = None if item["kind"] in CLUSTER_SCOPED else "cohort"
                self.assertEqual(item["metadata"].get("namespace"), expected, f"{name}: {name_of(item)}")
        for item in self.cluster:
            self.assertIn(item["kind"], CLUSTER_SCOPED)
            self.assertNotIn("namespace", item["metadata"])

    def test_slips_are_noticed(self):
        def changed(overlay, kind, change):
            item = copy.deepcopy(of_kind(self.rendered[overlay], kind)[0])
            change(item)
            return item

        slips = [
            changed("base", "StatefulSet", lambda o: o["spec"].update(podManagmentPolicy="Parallel")),
            changed("base", "StatefulSet", lambda o: o["spec"].update(replicas="1")),
            changed("base", "Deployment",
                    lambda o: o["spec"]["template"]["spec"]["containers"][0].update(readinesProbe={})),
            changed("base", "NetworkPolicy", lambda o: o["spec"].update(policyType=["Ingress"])),
            changed("base", "PodDisruptionBudget", lambda o: o["spec"].pop("selector") and o.update(apiVersion="v2")),
            changed("overlays/jobset-kueue", "JobSet", lambda o: o["spec"].update(replicatedJob=[])),
            changed("overlays/jobset-kueue", "JobSet",
                    lambda o: o["spec"]["replicatedJobs"][0]["template"]["spec"].update(completion=8)),
            changed("overlays/jobset-kueue", "LocalQueue", lambda o: o["spec"].pop("clusterQueue")),
            changed("overlays/autoscale", "ScaledObject",
                    lambda o: o["spec"]["triggers"][0]["metadata"].update(threshold=32)),
            changed("overlays/monitoring", "PodMonitor",
                    lambda o: o["spec"]["podMetricsEndpoints"][0].update(targetPort="http")),
            changed("overlays/monitoring", "PrometheusRule",
                    lambda o: o["spec"]["groups"][0]["rules"][0].update(record="a", alert="b")),
        ]
        for item in slips:
            with self.subTest(object=name_of(item)):
                self.assertNotEqual(complaints(item), "")

    def test_overlay_of_a_site_renders(self):
        """The files that README.md shows, beside the repository's."""
        text = pathlib.Path("deploy/kubernetes/README.md").read_text()
        files = re.findall(r"<!-- file: (\S+) -->\n *```yaml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
        self.assertEqual(len(files), 2)
        (self.root / "site").mkdir()
        for path, block in files:
            (self.root / path).write_text(textwrap.dedent(block))
        objects = manifests.read(manifests.render(self.root, "../../site"))
        self.assertEqual(of_kind(objects, "PersistentVolumeClaim")[0]["spec"]["storageClassName"], "nfs")
        images = {container["image"] for _, _, container in manifests.all_containers(objects)}
        self.assertEqual({image.rpartition("/")[0] for image in images}, {"registry.example.com"})
        self.assertEqual([complaints(item) for item in objects if complaints(item)], [])

    def test_secrets_stay_until_they_are_deleted(self):
        first = {path.name: path.read_bytes() for path in manifests.make_secrets(self.root).iterdir()}
        folder = manifests.make_secrets(self.root)
        self.assertEqual({path.name: path.read_bytes() for path in folder.iterdir()}, first)
        (folder / "client.crt").unlink()
        manifests.make_secrets(self.root)
        changed = {path.name for path in folder.iterdir() if path.read_bytes() != first[path.name]}
        self.assertEqual(changed, {"client.crt", "client.key", "secrets.yaml"})
        self.assertEqual({path.stat().st_mode & 0o777 for path in folder.iterdir()}, {0o600})

    def test_rules_are_those_of_prometheus(self):
        script = self.root / "deploy/kubernetes/overlays/monitoring/generate_rules.sh"
        made = subprocess.run([str(script), "--stdout"], capture_output=True, text=True, check=True).stdout
        self.assertEqual((script.parent / "prometheus_rules.yaml").read_text(), made, "run generate_rules.sh")
        groups = []
        for path in sorted((self.root / "deploy/prometheus/rules").glob("*.yaml")):
            groups += manifests.read(path.read_text())[0]["groups"]
        rules = of_kind(manifests.read(made), "PrometheusRule")
        of_objects = [group for rule in rules for group in rule["spec"]["groups"]]
        self.assertEqual(of_objects, groups)

    def test_dashboards_fit_into_config_maps(self):
        dashboards = {path.name for path in (self.root / "deploy/grafana/dashboards").glob("*.json")}
        maps = of_kind(self.rendered["overlays/monitoring"], "ConfigMap")
        self.assertEqual({key for item in maps for key in item["data"]}, dashboards)
        for item in maps:
            self.assertEqual(item["metadata"]["labels"].get("grafana_dashboard"), "1")
            # kubectl apply keeps a copy in an annotation, which has 256 KiB.
            self.assertLess(len(str(item).encode()), 250_000, name_of(item))


if __name__ == "__main__":
    unittest.main()
