"""What a drill leaves out of what it restores, what it changes, and so what may differ."""

import json

from delivery import velero
from delivery.cluster import Object

CONFIG_MAPS = f"api/v1/namespaces/{velero.NAMESPACE}/configmaps"
MODIFIER = "restore-drill"
# Never restored in a drill: what serves or runs, what controllers derive, what holds volumes.
SKIPPED = (
    "ingresses.networking.k8s.io",
    "jobs.batch",
    "pods",
    "replicasets.apps",
    "controllerrevisions.apps",
    "daemonsets.apps",
    "persistentvolumeclaims",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "leases.coordination.k8s.io",
    "pods.metrics.k8s.io",
    "poddisruptionbudgets.policy",
    "targetgroupbindings.elbv2.k8s.aws",
    "events",
    "events.events.k8s.io",
)
# What every namespace gets of its own accord.
OWN = (("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default"))
# What the drill changes in what it restores, by merge patches.
_PATCHES = {
    "deployments.apps": {"spec": {"replicas": 0}},
    "statefulsets.apps": {"spec": {"replicas": 0}},
    "cronjobs.batch": {"spec": {"suspend": True}},
    "serviceaccounts": {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": None}}},
}


def modifier() -> Object:
    """Return the ConfigMap that tells Velero what to change."""
    rules = [
        {
            "conditions": {"groupResource": resource},
            "mergePatches": [{"patchData": json.dumps(patch)}],
        }
        for resource, patch in _PATCHES.items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": MODIFIER, "namespace": velero.NAMESPACE},
        "data": {"rules.yaml": json.dumps({"version": "v1", "resourceModifierRules": rules})},
    }


def expected(resource: str, path: str) -> bool:
    """Whether a drill changes this field, or the API server makes it anew."""
    made = {
        "deployments.apps": ("spec.replicas",),
        "statefulsets.apps": ("spec.replicas",),
        "cronjobs.batch": ("spec.suspend",),
        "serviceaccounts": ("metadata.annotations", "secrets"),
        "services": ("spec.clusterIP", "spec.clusterIPs", "spec.healthCheckNodePort"),
        # A binding's accounts move with their namespace.
        "rolebindings.rbac.authorization.k8s.io": ("subjects",),
    }
    return path.startswith(made.get(resource, ()))
