# SPDX-License-Identifier: Apache-2.0
"""The policies let exactly those connections pass that Cohort needs."""

import copy
import itertools
import unittest

import manifests
from manifests import INSTALLATIONS, of_kind
from network_policies import Endpoint, allowed


def pod(name, component, **labels):
    labels = {"app.kubernetes.io/name": "cohort", "app.kubernetes.io/component": component, **labels}
    return Endpoint(name, "cohort", tuple(labels.items()), (("kubernetes.io/metadata.name", "cohort"),))


def elsewhere(name, namespace, labels=(), namespace_labels=()):
    return Endpoint(name, namespace, labels, (("kubernetes.io/metadata.name", namespace), *namespace_labels))


COORDINATOR, WORKER = pod("coordinator", "coordinator"), pod("worker", "rollout-worker")
RANKS = [pod(f"rank-{i}", "learner") for i in range(2)]
CLIENT = pod("client", "client")
STRANGER = Endpoint("stranger", "cohort", (), (("kubernetes.io/metadata.name", "cohort"),))
TEAM = elsewhere("team", "team-a", (), (("cohort-clients", "allowed"),))
OTHER = elsewhere("other", "team-b", CLIENT.labels)
DNS = elsewhere("dns", "kube-system", (("k8s-app", "kube-dns"),))
SYSTEM = elsewhere("system", "kube-system")
PROMETHEUS = elsewhere("prometheus", "monitoring", (("app", "prometheus"),))
INTERNET = Endpoint("internet", None)
EVERYBODY = [COORDINATOR, WORKER, *RANKS, CLIENT, STRANGER, TEAM, OTHER, DNS, SYSTEM, PROMETHEUS, INTERNET]
COHORT = [COORDINATOR, WORKER, *RANKS, CLIENT]
TCP = [("TCP", port) for port in (22, 53, 443, 7070, 7071, 8080, 32767, 32768, 45000, 60999, 61000)]
PROTOCOLS = TCP + [("UDP", 53), ("UDP", 45000)]

# Who opens which connections: everything that the processes do.
NEEDED = (
    [(source, COORDINATOR, ("TCP", 7070)) for source in (WORKER, *RANKS, CLIENT, TEAM)]
    + [(WORKER, rank, ("TCP", 7071)) for rank in RANKS]  # weights
    + [(a, b, ("TCP", port)) for a in RANKS for b in RANKS for port in (32768, 45000, 60999)]  # TCPStore, Gloo, NCCL
    + [(source, DNS, port) for source in COHORT for port in (("UDP", 53), ("TCP", 53))]
    + [(PROMETHEUS, target, ("TCP", 8080)) for target in (COORDINATOR, WORKER, *RANKS)])


def let_pass(objects):
    """The connections with one end in Cohort's namespace that the policies let pass."""
    return {(a.name, b.name, protocol, port) for a, b in itertools.product(EVERYBODY, repeat=2)
            for protocol, port in PROTOCOLS
            if "cohort" in (a.namespace, b.namespace) and allowed(objects, a, b, protocol, port)}


class NetworkPoliciesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        root = manifests.copy_sources()
        cls.objects = {name: manifests.read(manifests.render(root, name)) for name in INSTALLATIONS}
        cls.monitoring = manifests.read(manifests.render(root, "overlays/monitoring"))

    def test_exactly_the_needed_connections_pass(self):
        needed = {(a.name, b.name, *port) for a, b, port in NEEDED}
        for name, objects in self.objects.items():
            with self.subTest(installation=name):
                self.assertEqual(let_pass(objects + self.monitoring), needed)

    def test_prometheus_needs_the_monitoring_overlay(self):
        self.assertFalse(any(source == "prometheus" for source, *_ in let_pass(self.objects["base"])))

    def test_table_notices_what_is_missing(self):
        base = self.objects["base"] + self.monitoring
        expected = let_pass(base)
        for policy in of_kind(base, "NetworkPolicy"):
            with self.subTest(without=policy["metadata"]["name"]):
                self.assertTrue(let_pass([o for o in base if o is not policy]) != expected)
            for direction in ("ingress", "egress"):
                for index in range(len(policy["spec"].get(direction, []))):
                    broken = copy.deepcopy(base)
                    del next(o for o in broken if o == policy)["spec"][direction][index]
                    with self.subTest(policy=policy["metadata"]["name"], without_rule=(direction, index)):
                        self.assertTrue(let_pass(broken) != expected)

    def test_table_notices_what_is_too_wide(self):
        base = self.objects["base"] + self.monitoring
        expected = let_pass(base)
        # Of most connections both ends are confined: one that is too wide changes nothing.
        for names in (["dns"], ["metrics"], ["coordinator"], ["learner"], ["rollout-worker", "learner"]):
            broken = copy.deepcopy(base)
            for policy in of_kind(broken, "NetworkPolicy"):
                if policy["metadata"]["name"] in names:
                    for rule in policy["spec"].get("ingress", []) + policy["spec"].get("egress", []):
                        del rule["ports"]
            with self.subTest(every_port_of=names):
                self.assertTrue(let_pass(broken) - expected)


if __name__ == "__main__":
    unittest.main()
