# SPDX-License-Identifier: Apache-2.0
"""The manifests as kubectl renders them, and what Kubernetes makes of them: environment, arguments, volumes."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

# Each is applied by itself; the further ones are applied beside any of them.
INSTALLATIONS = ("base", "overlays/cpu-demo", "overlays/gpu", "overlays/jobset-kueue")
FURTHER = ("overlays/autoscale", "overlays/monitoring")
NAMESPACE = "cohort"
_COPIED = ("deploy/kubernetes", "deploy/grafana/dashboards", "deploy/prometheus/rules", "examples/arithmetic")


def copy_sources():
    """A folder with the manifests as plain files: kustomize refuses links that lead out, as those of runfiles do."""
    root = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
    for folder in _COPIED:
        shutil.copytree(folder, root / folder)
    return root


def read(text):
    return [item for item in yaml.safe_load_all(text) if item]


def render(root, name):
    """The text that `kubectl kustomize` prints for an overlay."""
    done = subprocess.run([os.environ["KUBECTL"], "kustomize", str(root / "deploy/kubernetes" / name)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr}"
    return done.stdout


def make_secrets(root):
    """The folder that make_secrets.sh makes."""
    folder = root / "secrets"
    script = root / "deploy/kubernetes/make_secrets.sh"
    done = subprocess.run([str(script), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def all_objects(root, installation, secrets):
    """Everything that is in the cluster when an installation and all further overlays are applied, by the README."""
    texts = [render(root, name) for name in (installation, *FURTHER)]
    texts += [path.read_text() for path in sorted((root / "deploy/kubernetes/cluster").glob("*.yaml"))]
    return [item for text in texts for item in read(text)] + read((secrets / "secrets.yaml").read_text())


def of_kind(objects, kind):
    return [item for item in objects if item["kind"] == kind]


def name_of(item):
    return f"{item['kind']}/{item['metadata']['name']}"


def pod_templates(objects):
    """(object, pod template) of everything that makes pods."""
    for item in objects:
        if item["kind"] in ("StatefulSet", "Deployment", "Job"):
            yield item, item["spec"]["template"]
        elif item["kind"] == "JobSet":
            for replicated in item["spec"]["replicatedJobs"]:
                yield item, replicated["template"]["spec"]["template"]


def containers(template):
    return template["spec"].get("initContainers", []) + template["spec"]["containers"]


def all_containers(objects):
    """(object, pod template, container)."""
    for item, template in pod_templates(objects):
        for container in containers(template):
            yield item, template, container


def component(template):
    return template["metadata"]["labels"].get("app.kubernetes.io/component", "")


def expand(text, environment):
    """$(NAME) as the kubelet expands it: what is not defined stays."""
    return re.sub(r"\$\((\w+)\)", lambda match: environment.get(match[1], match[0]), text)


def environment_of(container, pod_name, annotations=None):
    """The container's environment; `annotations` are those that controllers set."""
    environment = {}
    for entry in container.get("env", []):
        if "value" in entry:
            environment[entry["name"]] = expand(entry["value"], environment)
            continue
        path = entry["valueFrom"]["fieldRef"]["fieldPath"]
        annotation = re.fullmatch(r"metadata\.annotations\['(.+)'\]", path)
        fields = {"metadata.name": pod_name, "metadata.namespace": NAMESPACE}
        environment[entry["name"]] = (annotations or {})[annotation[1]] if annotation else fields[path]
    return environment


def command_line(container, pod_name, annotations=None):
    environment = environment_of(container, pod_name, annotations)
    return [expand(word, environment) for word in container["command"] + container.get("args", [])]


def flag(container, name):
    """The value of --name=value as it is written, or None."""
    for word in container.get("args", []):
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
    return None


def value_of(container, name):
    """The same with the container's own variables in it."""
    value = flag(container, name)
    plain = {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}
    return None if value is None else expand(value, plain)


def matches(selector, labels):
    """A label selector of the API; an empty one matches everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions") or []:
        is_in = labels.get(rule["key"]) in rule.get("values", [])
        holds = {"In": is_in, "NotIn": not is_in, "Exists": rule["key"] in labels,
                 "DoesNotExist": rule["key"] not in labels}[rule["operator"]]
        if not holds:
            return False
    return True
