"""What a Kubernetes API answers, to functions that ask it."""

import urllib.error
from email.message import Message
from typing import Any

COMPLETE = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
GONE = urllib.error.HTTPError("https://cluster", 403, "Forbidden", Message(), None)
INGRESS = {
    "metadata": {
        "name": "web",
        "namespace": "web",
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["ingress.k8s.aws/resources"],
    }
}


def deployment(*, wanted: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "web", "generation": 2},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 2, **status},
    }


class Namespaces:
    """An API server whose namespaces hold these Ingresses, each answer once, the last for good."""

    def __init__(self, *answers: Any, services: Any = (), volumes: Any = ()) -> None:
        self._answers = list(answers)
        self._services = services
        self._volumes = volumes

    def list(self, kind: str, _: str, **query: str) -> Any:
        if kind == "Event":
            assert "involvedObject.name=web" in query["fieldSelector"]
            return [{"message": "Failed deploy model due to AccessDenied"}]
        if kind == "PersistentVolume" and isinstance(self._volumes, Exception):
            raise self._volumes
        if kind != "Ingress":
            others = {"Service": self._services, "PersistentVolume": self._volumes}
            return list(others.get(kind, []))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def stateful_set(*, wanted: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "database", "namespace": "database", "generation": 2},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "database"}}},
        "status": {"observedGeneration": 2, "updateRevision": "new", **status},
    }


def member(reason: str = "", *, revision: str = "new", ready: bool = False) -> dict[str, Any]:
    """A pod of the StatefulSet, whose container waits for a reason or runs."""
    state = {"waiting": {"reason": reason, "message": "no such image"}} if reason else {}
    return {
        "metadata": {
            "name": "database-1",
            "uid": "1",
            "labels": {"controller-revision-hash": revision},
        },
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "postgres", "state": state}],
        },
    }
