# SPDX-License-Identifier: Apache-2.0
"""Which connections NetworkPolicies let pass, by the rules of the API."""

import dataclasses

from manifests import matches, of_kind


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A pod, or with `namespace` None something outside of the cluster."""
    name: str
    namespace: str | None
    labels: tuple = ()  # ((key, value), ...)
    namespace_labels: tuple = ()


def _is_peer(peer, endpoint, policy_namespace):
    if endpoint.namespace is None:
        return False  # none of the policies has an ipBlock
    if "namespaceSelector" in peer:
        if not matches(peer["namespaceSelector"], dict(endpoint.namespace_labels)):
            return False
    elif endpoint.namespace != policy_namespace:
        return False
    return matches(peer.get("podSelector", {}), dict(endpoint.labels))


def _is_port(rule, protocol, port):
    if "ports" not in rule:
        return True
    return any(entry.get("protocol", "TCP") == protocol
               and ("port" not in entry or entry["port"] <= port <= entry.get("endPort", entry["port"]))
               for entry in rule["ports"])


def _lets_pass(policies, direction, side, pod, other, protocol, port):
    """Whether the policies that select `pod` let traffic of `direction` with `other` pass; yes when none does."""
    selecting = [p for p in policies if p["metadata"]["namespace"] == pod.namespace
                 and direction in p["spec"]["policyTypes"] and matches(p["spec"]["podSelector"], dict(pod.labels))]
    if not selecting:
        return True
    return any(_is_port(rule, protocol, port)
               and (side not in rule or any(_is_peer(peer, other, pod.namespace) for peer in rule[side]))
               for policy in selecting for rule in policy["spec"].get(direction.lower(), []))


def allowed(objects, source, destination, protocol, port):
    """Both ends must let it pass."""
    policies = of_kind(objects, "NetworkPolicy")
    leaves = source.namespace is None or _lets_pass(policies, "Egress", "to", source, destination, protocol, port)
    enters = (destination.namespace is None
              or _lets_pass(policies, "Ingress", "from", destination, source, protocol, port))
    return leaves and enters
