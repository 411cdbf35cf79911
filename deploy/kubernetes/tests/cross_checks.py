# SPDX-License-Identifier: Apache-2.0
"""What must hold between the objects of one installation. Each check returns sentences, none when it holds."""

import pathlib
import re

import manifests
from manifests import all_containers, component, flag, name_of, of_kind, pod_templates, value_of

SERVED_PATHS = ("/healthz", "/readyz")  # and /metrics, of every process


def _exists(objects, kind, name):
    return any(item["metadata"]["name"] == name for item in of_kind(objects, kind))


def _ports(container):
    return {port["name"]: port["containerPort"] for port in container.get("ports", [])}


def gibibytes(quantity):
    """Of a quantity of memory: "512Mi" -> 0.5."""
    return float(quantity[:-2]) * {"Mi": 1 / 1024, "Gi": 1}[quantity[-2:]]


def selectors_select(objects):
    """A workload's selector matches its own pods, and every other one matches somebody's."""
    problems = []
    templates = list(pod_templates(objects))
    for item, template in templates:
        selector = item["spec"].get("selector")
        if selector and not manifests.matches(selector, template["metadata"]["labels"]):
            problems.append(f"{name_of(item)}: selector does not match its pods")
    for item in objects:
        selector = {"Service": lambda spec: {"matchLabels": spec["selector"]},
                    "PodDisruptionBudget": lambda spec: spec["selector"],
                    "NetworkPolicy": lambda spec: spec["podSelector"],
                    "PodMonitor": lambda spec: spec["selector"]}.get(item["kind"])
        if selector is None:
            continue
        found = [owner for owner, template in templates
                 if manifests.matches(selector(item["spec"]), template["metadata"]["labels"])]
        if not found:
            problems.append(f"{name_of(item)}: selects no pod")
        running = [owner for owner in found if owner["spec"].get("replicas") != 0]
        if item["kind"] in ("Service", "PodDisruptionBudget") and len(running) > 1:
            problems.append(f"{name_of(item)}: selects pods of {len(running)} workloads")
    return problems


def service_ports_exist(objects):
    problems = []
    for service in of_kind(objects, "Service"):
        for _, template, container in all_containers(objects):
            if not manifests.matches({"matchLabels": service["spec"]["selector"]}, template["metadata"]["labels"]):
                continue
            for port in service["spec"]["ports"]:
                if _ports(container).get(port["targetPort"]) != port["port"]:
                    problems.append(f"{name_of(service)}: port {port['port']} is not {port['targetPort']} of the pods")
    for monitor in of_kind(objects, "PodMonitor"):
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            for item, template, container in all_containers(objects):
                if component(template) != "client" and endpoint["port"] not in _ports(container):
                    problems.append(f"{name_of(monitor)}: {name_of(item)} has no port {endpoint['port']}")
    return problems


def references_resolve(objects):
    """Volumes, ConfigMaps, Secrets with their keys, claims, accounts, priority classes, queues, scaled workloads."""
    problems = []

    def need(item, kind, name):
        if not _exists(objects, kind, name):
            problems.append(f"{name_of(item)}: there is no {kind} {name}")

    for item, template in pod_templates(objects):
        spec = template["spec"]
        need(item, "ServiceAccount", spec["serviceAccountName"])
        if "priorityClassName" in spec:
            need(item, "PriorityClass", spec["priorityClassName"])
        for volume in spec["volumes"]:
            for kind, source, key in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName"),
                                      ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName")):
                if source in volume:
                    need(item, kind, volume[source][key])
        templates = [claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])]
        names = [volume["name"] for volume in spec["volumes"]] + templates
        for container in manifests.containers(template):
            for mount in container["volumeMounts"]:
                if mount["name"] not in names:
                    problems.append(f"{name_of(item)}: there is no volume {mount['name']}")
    for item in of_kind(objects, "StatefulSet"):
        need(item, "Service", item["spec"]["serviceName"])
    for item in of_kind(objects, "LocalQueue"):
        need(item, "ClusterQueue", item["spec"]["clusterQueue"])
    for item in of_kind(objects, "JobSet"):
        need(item, "LocalQueue", item["metadata"]["labels"]["kueue.x-k8s.io/queue-name"])
    for item in of_kind(objects, "ClusterQueue"):
        for group in item["spec"]["resourceGroups"]:
            for flavor in group["flavors"]:
                need(item, "ResourceFlavor", flavor["name"])
    for item in of_kind(objects, "ScaledObject"):
        need(item, item["spec"]["scaleTargetRef"]["kind"], item["spec"]["scaleTargetRef"]["name"])
    return problems


def files_are_there(objects):
    """Every path in arguments and environment lies in a volume; in one of a Secret or ConfigMap the key exists."""
    problems = []
    for item, template, container in all_containers(objects):
        words = [word.split("=", 1)[-1] for word in container.get("args", [])]
        words += [entry["value"] for entry in container.get("env", []) if "value" in entry]
        for path in (word for word in words if word.startswith("/")):
            mounts = [mount for mount in container["volumeMounts"]
                      if path == mount["mountPath"] or path.startswith(mount["mountPath"] + "/")]
            if not mounts:
                problems.append(f"{name_of(item)}: {path} is in no volume")
                continue
            volume = next((v for v in template["spec"]["volumes"] if v["name"] == mounts[0]["name"]), {})
            for kind, source, key in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
                for held in of_kind(objects, kind) if source in volume else []:
                    if held["metadata"]["name"] == volume[source][key] and path != mounts[0]["mountPath"] \
                            and pathlib.PurePath(path).name not in held["data"]:
                        problems.append(f"{name_of(item)}: {path} is no key of {kind} {held['metadata']['name']}")
        for volume in template["spec"]["volumes"]:
            if "secret" in volume and volume["secret"].get("defaultMode") != 0o440:
                problems.append(f"{name_of(item)}: the binaries refuse secrets that others may read ({volume['name']})")
    return problems


def ports_and_probes_agree(objects):
    """Flags, container ports, probes and the addresses that others call are the same numbers."""
    problems = []
    coordinators = {}
    for item, template, container in all_containers(objects):
        if component(template) == "client":
            continue
        ports = _ports(container)
        listening = {"http": flag(container, "http_listen"), "grpc": None, "weights": None}
        listening[{"coordinator": "grpc", "learner": "weights"}.get(component(template), "none")] = \
            flag(container, "listen")
        for name, address in listening.items():
            expected = int(address.rsplit(":", 1)[1]) if address else None
            if ports.get(name) != expected:
                problems.append(f"{name_of(item)}: port {name} is {ports.get(name)}, the flag says {expected}")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            get = container.get(probe, {}).get("httpGet", {})
            if get.get("port") != "http" or get.get("path") not in SERVED_PATHS:
                problems.append(f"{name_of(item)}: {probe} asks for what is not served ({get})")
        if container.get("livenessProbe", {}).get("httpGet", {}).get("path") != "/healthz":
            problems.append(f"{name_of(item)}: liveness must not depend on the coordinator")
        if component(template) == "coordinator":
            coordinators[item["metadata"]["name"]] = ports.get("grpc")
    for item, _, container in all_containers(objects):
        environment = {entry["name"]: entry.get("value") for entry in container.get("env", [])}
        called = flag(container, "coordinator") or environment.get("COHORT_SERVER")
        if called is not None and called not in [f"{name}:{port}" for name, port in coordinators.items()]:
            problems.append(f"{name_of(item)}: calls {called}, the coordinator is {coordinators}")
        host = flag(container, "host")
        if host is not None:
            service = item["spec"].get("serviceName") or item["spec"]["network"]["subdomain"]
            if host != f"$(LEARNER_NAME).{service}.$(POD_NAMESPACE).svc.cluster.local":
                problems.append(f"{name_of(item)}: --host is no name of service {service} ({host})")
    return problems


def pods_are_locked_down(objects):
    problems = []
    for item, template, container in all_containers(objects):
        spec, pod, own = template["spec"], template["spec"].get("securityContext", {}), container["securityContext"]
        expected = {
            "runs as root": pod.get("runAsNonRoot") is True and pod.get("runAsUser", 0) > 0,
            "no seccomp profile": pod.get("seccompProfile") == {"type": "RuntimeDefault"},
            "a token is mounted": spec.get("automountServiceAccountToken") is False,
            "may gain privileges": own.get("allowPrivilegeEscalation") is False and not own.get("privileged"),
            "writable root": own.get("readOnlyRootFilesystem") is True,
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "the node's namespaces": not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")),
            "the node's folders": not any("hostPath" in volume for volume in spec["volumes"]),
            "no memory limit": "memory" in container["resources"]["limits"],
        }
        problems += [f"{name_of(item)}: {what}" for what, holds in expected.items() if not holds]
        limits, requests = container["resources"]["limits"], container["resources"]["requests"]
        if limits.get("nvidia.com/gpu") != requests.get("nvidia.com/gpu"):
            problems.append(f"{name_of(item)}: GPU requests are not the limits")
        if ("nvidia.com/gpu" in limits) != (value_of(container, "device") or "cpu").startswith("cuda"):
            problems.append(f"{name_of(item)}: --device and the GPU request disagree")
    for account in of_kind(objects, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            problems.append(f"{name_of(account)}: gives out tokens")
    return problems


def images_are_pinned(objects, version):
    """No moving tag, and one version of Cohort everywhere."""
    problems = []
    for item, _, container in all_containers(objects):
        name, _, tag = container["image"].rpartition(":")
        if not name or tag == "latest":
            problems.append(f"{name_of(item)}: image {container['image']} is not pinned")
        elif name.startswith("cohort-") and tag != version:
            problems.append(f"{name_of(item)}: image {container['image']} is not of version {version}")
    return problems


def settings_fit_together(objects):
    """What different pods must agree about: threads, time to stop, memory, shared memory, the ports of ranks."""
    problems = []
    threads = {value_of(c, "threads") for _, _, c in all_containers(objects) if flag(c, "threads")}
    if len(threads) != 1:
        problems.append(f"--threads of workers and learners differ ({sorted(threads)})")
    stop = [float(value_of(c, "stop_seconds")) for _, _, c in all_containers(objects) if flag(c, "stop_seconds")]
    told_gib = [float(value_of(c, "learner_memory_gib")) for _, _, c in all_containers(objects)
                if flag(c, "learner_memory_gib")]
    for item, template in pod_templates(objects):
        if component(template) != "learner":
            continue
        if template["spec"]["terminationGracePeriodSeconds"] <= max(stop, default=1e9):
            problems.append(f"{name_of(item)}: is killed before --stop_seconds of the coordinator are over")
        for container in manifests.containers(template):
            limits = container["resources"]["limits"]
            mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            volume = next((v for v in template["spec"]["volumes"] if v["name"] == mounted.get("/dev/shm")), {})
            if volume.get("emptyDir", {}).get("medium") != "Memory":
                problems.append(f"{name_of(item)}: /dev/shm is 64 MiB")
            # What is left beside the versions in /dev/shm. How much a GPU has stands in no manifest.
            shared = volume.get("emptyDir", {}).get("sizeLimit", "0Gi")
            has_gib = 0 if "nvidia.com/gpu" in limits else gibibytes(limits["memory"]) - gibibytes(shared)
            if told_gib != [has_gib]:
                problems.append(f"{name_of(item)}: has {has_gib:g} GiB, --learner_memory_gib says {told_gib}")
        sysctls = {s["name"]: s["value"] for s in template["spec"]["securityContext"].get("sysctls", [])}
        for policy in of_kind(objects, "NetworkPolicy"):
            for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
                for port in rule.get("ports", []):
                    if "endPort" in port and sysctls.get("net.ipv4.ip_local_port_range") != \
                            f"{port['port']} {port['endPort']}":
                        problems.append(f"{name_of(policy)}: the ports are not those that {name_of(item)} listens on")
    return problems


def queries_ask_for_what_exists(objects, documented_metrics):
    problems = []
    for item in of_kind(objects, "ScaledObject"):
        for trigger in item["spec"]["triggers"]:
            query = trigger["metadata"]["query"]
            names = re.findall(r"\bcohort_\w+(?=\{)", query)
            if not names or set(names) - documented_metrics:
                problems.append(f"{name_of(item)}: metrics that do not exist ({query})")
            if f'namespace="{item["metadata"]["namespace"]}"' not in query:
                problems.append(f"{name_of(item)}: counts the groups of other installations ({query})")
    return problems


def gangs_are_equal(objects, statefulset_objects):
    """A JobSet's pod is the StatefulSet's but for its name and what Jobs must say."""
    def normal(template):
        spec = {key: value for key, value in template["spec"].items() if key != "restartPolicy"}
        container = dict(spec["containers"][0])
        container["env"] = [e for e in container["env"] if e["name"] not in ("LEARNER_NAME", "RANK_INDEX")]
        return {**spec, "containers": [container]}, template["metadata"]["labels"]

    jobsets = [t for item, t in pod_templates(objects) if item["kind"] == "JobSet"]
    expected = [t for item, t in pod_templates(statefulset_objects) if item["metadata"]["name"] == "cohort-learner"]
    problems = [] if jobsets else ["there is no JobSet"]
    for template in jobsets:
        if normal(template) != normal(expected[0]):
            problems.append("the pods of JobSet and StatefulSet differ")
    for item in of_kind(objects, "JobSet"):
        names = [r["name"] for r in item["spec"]["replicatedJobs"]]
        for owner, _ in pod_templates(objects):
            if owner["kind"] == "StatefulSet" and owner["metadata"]["name"] == "cohort-learner" \
                    and owner["spec"]["replicas"] != 0:
                problems.append("the StatefulSet has pods, too")
        for _, _, container in all_containers([item]):
            host = [e.get("value") for e in container["env"] if e["name"] == "LEARNER_NAME"]
            if host != [f"{item['metadata']['name']}-{names[0]}-0-$(RANK_INDEX)"]:
                problems.append(f"{name_of(item)}: {host} is not the host name of its pods")
        budget = next(b for b in of_kind(objects, "PodDisruptionBudget") if b["metadata"]["name"] == "cohort-learner")
        job = item["spec"]["replicatedJobs"][0]["template"]["spec"]
        if not budget["spec"].get("minAvailable") == job["parallelism"] == job["completions"]:
            problems.append(f"{name_of(item)}: parallelism, completions and minAvailable differ")
    return problems
