# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas, by hand, of the fields that the manifests use of kinds that are not Kubernetes' own.

Fields: jobset.x-k8s.io/v1alpha2, kueue.x-k8s.io/v1beta1, keda.sh/v1alpha1, monitoring.coreos.com/v1. What is not
listed is refused: a slip in a name is noticed, and a further field has to be looked up and added.
"""


def _object(required, **properties):
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _list(item):
    return {"type": "array", "items": item, "minItems": 1}


STRING, COUNT, FLAG = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
QUANTITY = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+(m|[kMGTPE]i?)?$"}]}
STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
DURATION = {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d))+$"}
LABELS = _object(["matchLabels"], matchLabels=STRINGS)

# A Job's template; the test validates it as a Job.
JOB_TEMPLATE = {"type": "object", "required": ["spec"], "properties": {"spec": {"type": "object"}, "metadata": {}},
                "additionalProperties": False}

_SCALING = _object(
    [], stabilizationWindowSeconds=COUNT,
    policies=_list(_object(["type", "value", "periodSeconds"], type={"enum": ["Percent", "Pods"]}, value=COUNT,
                           periodSeconds=COUNT)))

SPECS = {
    ("jobset.x-k8s.io/v1alpha2", "JobSet"): _object(
        ["replicatedJobs"],
        network=_object([], enableDNSHostnames=FLAG, publishNotReadyAddresses=FLAG, subdomain=STRING),
        failurePolicy=_object(["maxRestarts"], maxRestarts=COUNT),
        replicatedJobs=_list(_object(["name", "template"], name=STRING, replicas=COUNT, template=JOB_TEMPLATE))),
    ("kueue.x-k8s.io/v1beta1", "ResourceFlavor"): _object([], nodeLabels=STRINGS),
    ("kueue.x-k8s.io/v1beta1", "LocalQueue"): _object(["clusterQueue"], clusterQueue=STRING),
    ("kueue.x-k8s.io/v1beta1", "ClusterQueue"): _object(
        ["resourceGroups"],
        namespaceSelector=LABELS,
        queueingStrategy={"enum": ["StrictFIFO", "BestEffortFIFO"]},
        preemption=_object([], withinClusterQueue={"enum": ["Never", "LowerPriority", "LowerOrNewerEqualPriority"]}),
        resourceGroups=_list(_object(
            ["coveredResources", "flavors"], coveredResources=_list(STRING),
            flavors=_list(_object(["name", "resources"], name=STRING, resources=_list(
                _object(["name", "nominalQuota"], name=STRING, nominalQuota=QUANTITY))))))),
    ("keda.sh/v1alpha1", "ScaledObject"): _object(
        ["scaleTargetRef", "triggers"],
        scaleTargetRef=_object(["name"], apiVersion=STRING, kind=STRING, name=STRING),
        minReplicaCount=COUNT, maxReplicaCount=COUNT, pollingInterval=COUNT,
        fallback=_object(["failureThreshold", "replicas"], failureThreshold=COUNT, replicas=COUNT),
        advanced=_object([], horizontalPodAutoscalerConfig=_object([], behavior=_object(
            [], scaleUp=_SCALING, scaleDown=_SCALING))),
        # KEDA reads metadata of triggers as text.
        triggers=_list(_object(["type", "metadata"], type={"const": "prometheus"},
                               metricType={"enum": ["AverageValue", "Value"]},
                               metadata=_object(["serverAddress", "query", "threshold"], serverAddress=STRING,
                                                query=STRING, threshold={"type": "string", "pattern": r"^\d+$"})))),
    ("monitoring.coreos.com/v1", "PodMonitor"): _object(
        ["selector", "podMetricsEndpoints"], selector=LABELS,
        podMetricsEndpoints=_list(_object(
            ["port"], port=STRING, path=STRING, interval=DURATION, relabelings=_list(_object(
                [], sourceLabels=_list(STRING), regex=STRING, targetLabel=STRING, replacement=STRING))))),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _object(
        ["groups"], groups=_list(_object(["name", "rules"], name=STRING, interval=DURATION, rules=_list({
            **_object(["expr"], alert=STRING, record=STRING, expr={"type": ["string", "integer"]}, labels=STRINGS,
                      annotations=STRINGS, keep_firing_for=DURATION, **{"for": DURATION}),
            "oneOf": [{"required": ["alert"]}, {"required": ["record"]}]})))),
}
METADATA = _object(["name"], name=STRING, namespace=STRING, labels=STRINGS, annotations=STRINGS)


def schema_of(item):
    """The whole object's schema, or None for a kind that is not listed."""
    key = (item["apiVersion"], item["kind"])
    if key not in SPECS:
        return None
    required = [] if key[1] == "ResourceFlavor" else ["spec"]
    return _object(["apiVersion", "kind", "metadata", *required], apiVersion={"const": key[0]}, kind={"const": key[1]},
                   metadata=METADATA, spec=SPECS[key])
