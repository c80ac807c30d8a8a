"""Kubernetes resources by what people do with them: what the rules of config/access.py name."""

from collections.abc import Mapping

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete")
ALL = "*"
VERBS = (*READ, *WRITE, "deletecollection", ALL)

RESOURCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "pods": {"": ("pods",)},
    "logs": {"": ("pods/log",)},
    "shells": {"": ("pods/exec", "pods/attach", "pods/portforward")},
    "evictions": {"": ("pods/eviction",)},
    "workloads": {
        "apps": ("daemonsets", "deployments", "replicasets", "statefulsets"),
        "batch": ("cronjobs", "jobs"),
    },
    "scale": {"apps": ("deployments/scale", "statefulsets/scale")},
    "autoscaling": {
        "autoscaling": ("horizontalpodautoscalers",),
        "policy": ("poddisruptionbudgets",),
    },
    "settings": {"": ("configmaps",)},
    "secrets": {"": ("secrets",)},
    "services": {
        "": ("services",),
        "discovery.k8s.io": ("endpointslices",),
        "networking.k8s.io": ("ingresses",),
        "elbv2.k8s.aws": ("targetgroupbindings",),
    },
    "network-policies": {"networking.k8s.io": ("networkpolicies",)},
    "claims": {
        "": ("persistentvolumeclaims",),
        "snapshot.storage.k8s.io": ("volumesnapshots",),
    },
    "limits": {"": ("limitranges", "resourcequotas")},
    "events": {"": ("events",), "events.k8s.io": ("events",)},
    "permissions": {
        "": ("serviceaccounts",),
        "rbac.authorization.k8s.io": ("rolebindings", "roles"),
    },
    # Not downloadrequests: an answered one has the address of a whole backup, Secrets and all.
    "backups": {
        "velero.io": (
            "backups",
            "backupstoragelocations",
            "datadownloads",
            "datauploads",
            "restores",
            "schedules",
        ),
    },
    "usage": {"metrics.k8s.io": ("pods",)},
    "nodes": {"": ("nodes",)},
    "cluster": {
        "": ("namespaces", "persistentvolumes"),
        "metrics.k8s.io": ("nodes",),
        "rbac.authorization.k8s.io": ("clusterrolebindings", "clusterroles"),
        "scheduling.k8s.io": ("priorityclasses",),
        "storage.k8s.io": ("storageclasses",),
    },
    "everything": {ALL: (ALL,)},
}
"""API group ("" is the core) → resources, by class."""

IN_NO_NAMESPACE = ("nodes", "cluster")
"""Classes of resources that no namespace holds."""
