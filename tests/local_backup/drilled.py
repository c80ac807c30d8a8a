"""A small namespace with an object of each kind that a restore or a drill treats as its own."""

from collections.abc import Iterator
from typing import Any

from delivery.cluster import Cluster, Object
from delivery.restore import ELECTION
from tests.local.machine import eventually

NAME = "drilled"
SPACE = f"api/v1/namespaces/{NAME}"


def meta(name: str, **more: Any) -> Object:
    return {"name": name, "namespace": NAME, **more}


def objects() -> Iterator[tuple[str, Object]]:
    """Yield each collection's path and an object of it."""
    core, apps = SPACE, f"apis/apps/v1/namespaces/{NAME}"
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/archive"}
    yield f"{core}/configmaps", {"metadata": meta("one"), "data": {"a": "1"}}
    yield f"{core}/configmaps", {"metadata": meta("two"), "data": {"b": "2"}}
    for name in ELECTION.names:
        # As Patroni writes them.
        annotations = {"initialize": "7412", "leader": "database-0"}
        election = meta(name, labels=dict(ELECTION.labels), annotations=annotations)
        yield f"{core}/configmaps", {"metadata": election}
    yield f"{core}/secrets", {"metadata": meta("one"), "data": {"c": "Mw=="}}
    yield f"{core}/serviceaccounts", {"metadata": meta("one", annotations=role)}
    yield f"{core}/services", {"metadata": meta("one"), "spec": {"ports": [{"port": 80}]}}
    # Of a class that nobody serves, so that there is none of the first either.
    balancer = {
        "type": "LoadBalancer",
        "loadBalancerClass": "example.com/none",
        "externalTrafficPolicy": "Local",
        "ports": [{"port": 80, "targetPort": 8080}],
    }
    yield f"{core}/services", {"metadata": meta("balancer"), "spec": balancer}
    yield f"{apps}/deployments", {"metadata": meta("one"), "spec": _workload()}
    stateful = {**_workload(), "serviceName": "one", "selector": {"matchLabels": {"app": "one"}}}
    yield f"{apps}/statefulsets", {"metadata": meta("two"), "spec": stateful}
    template = {"spec": {**_workload()["template"]["spec"], "restartPolicy": "Never"}}
    cron = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}
    yield f"apis/batch/v1/namespaces/{NAME}/cronjobs", {"metadata": meta("one"), "spec": cron}


def derived() -> Iterator[tuple[str, Object]]:
    """Yield what EKS and the Secrets Store driver would write of its pods, by collection."""
    pod = {"name": "one", "namespace": NAME, "podIP": "10.0.0.9", "hostIP": "10.0.0.1"}
    policy = {"podSelectorEndpoints": [pod], "policyRef": {"name": "one", "namespace": NAME}}
    endpoint = {"apiVersion": "networking.k8s.aws/v1alpha1", "kind": "PolicyEndpoint"}
    path = f"apis/networking.k8s.aws/v1alpha1/namespaces/{NAME}/policyendpoints"
    yield path, {**endpoint, "metadata": meta("one-x7kfp"), "spec": policy}
    store = "secrets-store.csi.x-k8s.io/v1"
    status = {"apiVersion": store, "kind": "SecretProviderClassPodStatus"}
    path = f"apis/{store}/namespaces/{NAME}/secretproviderclasspodstatuses"
    yield path, {**status, "metadata": meta("one-drilled-one"), "status": {"podName": "one"}}


def _workload() -> Object:
    pod = {"containers": [{"name": "one", "image": "example.com/one:1"}]}
    labels = {"app": "one"}
    return {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def remove(cluster: Cluster, namespace: str) -> None:
    """Delete a namespace, and wait until it is gone."""
    cluster.delete(f"api/v1/namespaces/{namespace}")
    eventually(lambda: cluster.find(f"api/v1/namespaces/{namespace}") is None)
