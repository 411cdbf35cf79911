# SPDX-License-Identifier: Apache-2.0
"""The overlay cpu-demo trains its example, without a cluster: every process with exactly the arguments, environment,
names, ports, volumes, user and secrets of the manifests, in namespaces of its own (pods.py). Only the jobs are shorter.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest

import yaml

import arguments_test
import manifests
import network_policies
import pods

LIMIT_SECONDS = 240  # for a busy machine; alone it takes a tenth


def shorten(text):
    """A job file with a few steps, and without the accuracies that only the whole training reaches."""
    job = yaml.safe_load(text)
    job["training"]["num_steps"] = 20 if "sft" in job else 2
    for run in job.get("evaluation", {}).get("runs", []):
        run.pop("min_final_accuracy")
        run["samples_per_problem"] = 1
    return yaml.safe_dump(job)


def endpoint(pod):
    labels = tuple(pod.template["metadata"]["labels"].items())
    return network_policies.Endpoint(pod.name, manifests.NAMESPACE, labels)


class CpuDemoTest(unittest.TestCase):
    def setUp(self):
        self.deadline = time.monotonic() + LIMIT_SECONDS
        root = manifests.copy_sources()
        self.objects = manifests.read(manifests.render(root, "overlays/cpu-demo"))
        for item in manifests.of_kind(self.objects, "ConfigMap"):
            for key in ("warm_start.yaml", "grpo.yaml"):
                if key in item["data"]:
                    item["data"][key] = shorten(item["data"][key])
        secrets = manifests.read((manifests.make_secrets(root) / "secrets.yaml").read_text())
        self.node = pods.Node(root, arguments_test.BINARIES, secrets)
        self.services = []  # (pod, container, process)
        self.seen = set()
        self.listening = set()
        for item, template in manifests.pod_templates(self.objects):
            replicas = item["spec"].get("replicas", 1)
            for index in range(replicas):
                suffix = index if item["kind"] == "StatefulSet" else f"5d4f8c7b9-x{index}"
                pods.Pod(self.node, f"{item['metadata']['name']}-{suffix}", item, template, self.objects)

    def tearDown(self):
        for _, _, process in self.services:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if any(error for _, error in self._outcome.result.errors + self._outcome.result.failures):
            for log in sorted((self.node.folder / "logs").glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-6000:]}")

    def watch_connections(self, processes):
        """Adds to `seen` who talks to whom, and to `listening` at which ports."""
        by_address = {pod.address: pod.name for pod in self.node.pods}
        for pod, process in processes:
            for local, remote in pods.sockets(process.pid):
                if remote is None:
                    self.listening.add((pod.name, local[1]))
                elif remote[0] in by_address and by_address[remote[0]] != pod.name:
                    self.seen.add(((pod.name, local[1]), (by_address[remote[0]], remote[1])))

    def opened(self):
        """(from pod, to pod, port) of what was seen. The end at a fixed port was called; of two at ports that the
        system picked the one that was seen to listen, or either when it listened too shortly to be seen."""
        for ends in self.seen:
            called = [end for end in ends if end[1] < 32768] or [end for end in ends if end in self.listening] or ends
            for end in called:
                yield ends[1 - ends.index(end)][0], *end

    def wait_for(self, what, condition):
        while not condition():
            self.assertLess(time.monotonic(), self.deadline, f"waited too long for {what}")
            for pod, container, process in self.services:
                self.assertIsNone(process.poll(), f"{pod.name}: {container['name']} has ended")
            time.sleep(0.1)

    def run_to_end(self, pod, container):
        """As the kubelet with restartPolicy OnFailure."""
        for _ in range(1 + pod.item["spec"]["backoffLimit"]):
            process = pod.start(container)
            everybody = [(p, running) for p, _, running in self.services] + [(pod, process)]
            self.wait_for(container["name"],
                          lambda: [self.watch_connections(everybody), process.poll()][1] is not None)
            if process.returncode == 0:
                print(f"{container['name']} done {self.deadline - time.monotonic():.0f} s before the limit", flush=True)
                return
            time.sleep(0.5)
        self.fail(f"{container['name']} fails again and again")

    def restart(self, component):
        """Kills the pods of a component and starts them again, with the volumes that the manifests say they keep."""
        for index, (pod, container, process) in enumerate(self.services):
            if manifests.component(pod.template) == component:
                process.kill()
                process.wait()
                self.services[index] = (pod, container, pod.start(container))

    def test_example_is_trained(self):
        demo = next(pod for pod in self.node.pods if pod.item["kind"] == "Job")
        for pod in self.node.pods:
            if pod is not demo:
                self.services += [(pod, container, pod.start(container)) for container in pod.spec["containers"]]
        self.assertEqual(len(self.services), 5)
        for container in demo.spec["initContainers"]:
            self.run_to_end(demo, container)
        self.restart("coordinator")  # the second job begins with what the first one left
        self.run_to_end(demo, demo.spec["containers"][0])
        # A pod in place of the first one begins anew, and finds all of it done.
        for container in demo.spec["initContainers"] + demo.spec["containers"]:
            self.assertEqual(demo.start(container).wait(timeout=60), 0, container["name"])
        for pod, container, _ in self.services:
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                self.wait_for(f"{pod.name}: {name}", lambda: pod.probe(container, name))

        text = demo.log(demo.spec["containers"][0]).read_text()
        self.assertIn("SUCCEEDED", text.upper(), text)
        checkpoints = list((self.node.folder / "claims/cohort-files/checkpoints/default/grpo").glob("**/*.safetensors"))
        self.assertNotEqual(checkpoints, [])
        self.check_autoscaling_metric()
        self.check_connections()
        self.check_memory()
        self.check_termination()

    def check_autoscaling_metric(self):
        coordinator = next(pod for pod in self.node.pods if manifests.component(pod.template) == "coordinator")
        metrics = coordinator.get(8080, "/metrics")[1]
        states = set(re.findall(r'^cohort_coordinator_groups\{.*state="(\w+)"', metrics, re.MULTILINE))
        self.assertLessEqual({"waiting", "in_flight"}, states, metrics[:2000])

    def check_connections(self):
        """What the processes did is what the policies let pass, and what they are for was seen."""
        by_name = {pod.name: pod for pod in self.node.pods}
        kinds = set()
        for source, destination, port in self.opened():
            self.assertTrue(network_policies.allowed(self.objects, endpoint(by_name[source]),
                                                     endpoint(by_name[destination]), "TCP", port),
                            f"{source} to {destination}:{port} is not let pass")
            components = [manifests.component(by_name[name].template) for name in (source, destination)]
            kinds.add((*components, port if port < 32768 else "rank"))
        self.assertEqual(kinds, {("rollout-worker", "coordinator", 7070), ("learner", "coordinator", 7070),
                                 ("client", "coordinator", 7070), ("rollout-worker", "learner", 7071),
                                 ("learner", "learner", "rank")})

    def check_memory(self):
        """No process came near the limit of its container, beyond which a cluster would kill it."""
        for pod, container, process in self.services:
            limit = container["resources"]["limits"]["memory"]
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak_kib = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
            limit_kib = int(limit[:-2]) * {"Mi": 1024, "Gi": 1024**2}[limit[-2:]]
            print(f"{pod.name}: peak of {peak_kib / 1024:.0f} MiB, limit {limit}")
            self.assertLess(peak_kib, 0.8 * limit_kib, pod.name)

    def check_termination(self):
        for component in ("rollout-worker", "learner", "coordinator"):
            for pod, _, process in self.services:
                if manifests.component(pod.template) == component:
                    process.send_signal(signal.SIGTERM)
            for pod, container, process in self.services:
                if manifests.component(pod.template) == component:
                    grace = min(pod.spec["terminationGracePeriodSeconds"], 60)
                    self.assertEqual(process.wait(timeout=grace), 0, f"{pod.name}: {container['name']}")


if __name__ == "__main__":
    pods.enter_namespaces()
    os.environ["TEST_TMPDIR"] = str(pathlib.Path(os.environ.get("TEST_TMPDIR", "/tmp")).resolve())
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    unittest.main()
