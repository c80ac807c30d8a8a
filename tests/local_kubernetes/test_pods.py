"""Pods on simulated nodes: what runs, what can't, and what a roll-out gate sees of it."""

from __future__ import annotations

from typing import Any

import pytest

from delivery.autoscaler import Autoscaler, AutoscalerError
from local.kubernetes import nodes
from local.kubernetes.control_plane import ControlPlaneError
from mindforce.functions.rollout.stuck import STUCK_SECONDS, StuckPods
from mindforce.functions.rollout.workloads import RolloutFailed
from tests.local_kubernetes.support import (
    REGION,
    Namespace,
    deployment,
    eventually,
    group,
    pod_template,
)


def _waiting(pod: dict[str, Any]) -> str:
    statuses = pod["status"].get("containerStatuses", [{}])
    return str(statuses[0].get("state", {}).get("waiting", {}).get("reason", ""))


def _job(image: str, **spec: Any) -> dict[str, Any]:
    template = pod_template(image, restartPolicy="Never")
    metadata = {"name": "work"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"template": template, **spec},
    }


def test_deployment_completes_over_the_zones(namespace: Namespace) -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    namespace.apply(deployment(3, topologySpreadConstraints=[spread]))
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    placed = {pod["spec"]["nodeName"] for pod in namespace.pods("Running")}
    zones = {
        node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for node in namespace.get("nodes")["items"]
        if node["metadata"]["name"] in placed
    }
    assert zones == {f"{REGION}{zone}" for zone in "abc"}
    addresses = {pod["status"]["podIP"] for pod in namespace.pods("Running")}
    assert len(addresses) == 3
    assert all(address.startswith("10.20.") for address in addresses)


def test_logs_are_asked_of_no_other_machine(namespace: Namespace) -> None:
    namespace.apply(deployment(1))
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    with pytest.raises(ControlPlaneError, match=r"localhost:1/containerLogs/.*connection refused"):
        namespace.kubectl("logs", "deployment/web")


def test_a_node_holds_no_more_pods_than_its_type(namespace: Namespace) -> None:
    plane = namespace.control_plane
    nodes.apply(plane, group(name="small", desired_size=1, labels={"pool": "small"}))
    try:
        namespace.apply(deployment(17, nodeSelector={"pool": "small"}))
        (name,) = (
            node["metadata"]["name"]
            for node in plane.client.get("api/v1/nodes", labelSelector="pool=small")["items"]
        )

        def held() -> int:
            selector = f"spec.nodeName={name},status.phase=Running"
            return len(plane.client.get("api/v1/pods", fieldSelector=selector)["items"])

        # A t3.medium holds 17, the add-ons' included.
        eventually("17 pods run on it", lambda: held() == 17)
        left = eventually("some are left", lambda: namespace.pods("Pending"))
        (why,) = [c for c in left[0]["status"]["conditions"] if c["type"] == "PodScheduled"]
        assert why["reason"] == "Unschedulable"
        assert "Too many pods" in why["message"]
    finally:
        nodes.remove(plane, "small")


def test_an_image_that_cannot_be_pulled_never_gets_ready(namespace: Namespace) -> None:
    namespace.apply(deployment(1, "registry.invalid/web:1"))
    states: set[str] = set()

    def backs_off() -> bool:
        states.update(_waiting(pod) for pod in namespace.pods())
        return "ImagePullBackOff" in states

    eventually("the pull backs off", backs_off)
    assert "ErrImagePull" in states
    (pod,) = namespace.pods()
    assert pod["status"]["phase"] == "Pending"
    ready = {c["type"]: c["status"] for c in pod["status"]["conditions"]}
    assert ready["Ready"] == "False"
    events = namespace.get("events", "--field-selector=reason=Failed")["items"]
    assert 'Failed to pull image "registry.invalid/web:1"' in events[0]["message"]


def test_a_crashing_container_restarts_and_never_gets_ready(namespace: Namespace) -> None:
    namespace.apply(deployment(1, "crash.invalid/web"))
    pod = eventually(
        "it is in its loop",
        lambda: next((p for p in namespace.pods() if _waiting(p) == "CrashLoopBackOff"), None),
    )
    assert pod is not None
    status = pod["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert status["restartCount"] == 1
    assert not status["ready"]
    assert "back-off 10s restarting failed container=main" in status["state"]["waiting"]["message"]


def test_a_job_completes(namespace: Namespace) -> None:
    namespace.apply(_job("example/work"))
    namespace.kubectl("wait", "--for=condition=Complete", "job/work", "--timeout=20s")
    assert namespace.get("job", "work")["status"]["succeeded"] == 1


def test_a_crashing_job_fails_by_its_back_off_limit(namespace: Namespace) -> None:
    namespace.apply(_job("crash.invalid/work", backoffLimit=0))
    namespace.kubectl("wait", "--for=condition=Failed", "job/work", "--timeout=20s")
    failed = {
        c["type"]: c.get("reason") for c in namespace.get("job", "work")["status"]["conditions"]
    }
    assert failed["Failed"] == "BackoffLimitExceeded"


def test_init_containers_run_first_and_a_bad_one_blocks(namespace: Namespace) -> None:
    good = [{"name": "first", "image": "example/first"}]
    bad = [*good, {"name": "second", "image": "registry.invalid/second"}]
    crashing = [*good, {"name": "second", "image": "crash.invalid/second"}]
    namespace.apply(
        {**deployment(1, initContainers=good)},
        {**deployment(1, initContainers=bad), "metadata": {"name": "blocked"}},
        {**deployment(1, initContainers=crashing), "metadata": {"name": "crashing"}},
    )
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    def reasons() -> set[str]:
        return {
            status["state"].get("waiting", {}).get("reason", "done")
            for pod in namespace.pods("Pending")
            for status in pod["status"].get("initContainerStatuses", [])
        }

    eventually(
        "the bad ones back off, after the good one",
        lambda: reasons() == {"done", "ImagePullBackOff", "CrashLoopBackOff"},
    )


def test_a_deleted_pod_goes_when_its_finalizers_have(namespace: Namespace) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", **pod_template()}
    pod["metadata"] = {"name": "held", "finalizers": ["example.com/hold"]}
    namespace.apply(pod)
    namespace.kubectl("wait", "--for=condition=Ready", "pod/held", "--timeout=20s")
    namespace.kubectl("delete", "pod", "held", "--wait=false")
    eventually("it has ended", lambda: namespace.pods("Succeeded"))
    namespace.kubectl(
        "patch", "pod", "held", "--type=merge", '--patch={"metadata":{"finalizers":null}}'
    )
    eventually("it is gone", lambda: not namespace.pods())


def test_a_claim_gets_its_volume_with_its_first_pod(namespace: Namespace) -> None:
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "gp3"},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "storageClassName": "gp3",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "5Gi"}},
        },
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    namespace.apply(storage, claim)
    assert namespace.get("pvc", "data")["status"]["phase"] == "Pending"
    namespace.apply(deployment(1, volumes=volumes))
    namespace.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
    volume = namespace.get("pv", namespace.get("pvc", "data")["spec"]["volumeName"])
    assert volume["spec"]["csi"]["driver"] == "ebs.csi.aws.com"
    assert volume["spec"]["capacity"]["storage"] == "5Gi"
    namespace.kubectl("delete", "deployment/web", "pvc/data")
    name = f"api/v1/persistentvolumes/{volume['metadata']['name']}"
    eventually("the volume is gone", lambda: not namespace.control_plane.client.find(name))


def test_hpa_scales_up_by_the_pods_usage(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = deployment(1)
    web["spec"]["template"]["metadata"]["annotations"] = {"local.mindforce.dev/cpu": "30m"}
    namespace.apply(web)
    namespace.kubectl("autoscale", "deployment/web", "--cpu=50%", "--min=1", "--max=4")
    plane = namespace.control_plane
    monkeypatch.setenv("PATH", str(plane.tools))
    # As the load test watches it on a cluster.
    autoscaler = Autoscaler(plane.admin_kubeconfig, namespace.name, "web")
    with autoscaler.watched() as watch:
        eventually(
            "four replicas",
            lambda: len(namespace.pods("Running")) == 4,
            timeout=40,
        )
        eventually("it was seen to move", lambda: not watch.problem())
    assert autoscaler.read().most == 4
    absent = Autoscaler(plane.admin_kubeconfig, namespace.name, "absent")
    with pytest.raises(AutoscalerError, match=r"can't be read: .*NotFound"):
        absent.read()
    top = namespace.kubectl("top", "pods", "--no-headers")
    assert {line.split()[1] for line in top.splitlines()} == {"30m"}


def test_a_stateful_set_that_pulls_no_image_is_given_up_by_the_gate(namespace: Namespace) -> None:
    template = pod_template("registry.invalid/database:1")
    spec = {**deployment(1)["spec"], "serviceName": "web", "template": template}
    metadata = {"name": "web"}
    namespace.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata,
                     "spec": spec})  # fmt: skip
    eventually("the pull backs off", lambda: "ImagePullBackOff" in map(_waiting, namespace.pods()))
    stuck = StuckPods()
    stuck.check(namespace.get("statefulset", "web"), namespace.pods(), now=0)
    with pytest.raises(RolloutFailed, match=r"its new pod web-0 hasn't started"):
        stuck.check(namespace.get("statefulset", "web"), namespace.pods(), now=STUCK_SECONDS)
