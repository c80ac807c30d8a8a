"""The charts, rendered as each environment applies them."""

import json
from typing import Any

import kubernetes_validate
import pytest
from cdk8s import App

from config.environments import DEV, TABLE
from config.model import Environment
from k8s.namespace import NamespaceChart
from k8s.web import DEREGISTRATION_SECONDS, DRAIN_SECONDS, WebChart
from tests.synthesis import Synthesis, manifests

Manifest = dict[str, Any]

BY_ADD_ONS = ("SecretProviderClass", "VolumeSnapshotClass")
"""Kinds that come with an add-on: the API server checks them where it stands."""


@pytest.fixture
def objects(synthesis: Synthesis) -> list[Manifest]:
    """What is in the web service's namespace, and the namespace."""
    found = manifests(synthesis.template("dev", "Workloads"))
    return [m for m in found if "web" in (m["metadata"].get("namespace"), m["metadata"]["name"])]


def one(objects: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    (found,) = (o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"]))
    return found


@pytest.fixture
def pod(objects: list[Manifest]) -> Manifest:
    spec: Manifest = one(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_every_object_is_valid_for_the_clusters_version(
    synthesis: Synthesis, environment: Environment
) -> None:
    for stack in ("Cluster", "Workloads"):
        _valid(manifests(synthesis.template(environment.name, stack)), environment)


def _valid(objects: list[Manifest], environment: Environment) -> None:
    assert objects
    for item in objects:
        if item["kind"] in BY_ADD_ONS:
            continue
        kubernetes_validate.validate(item, environment.cluster.version, strict=True)


def test_the_namespace_enforces_the_restricted_standard(objects: list[Manifest]) -> None:
    labels = one(objects, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_pods_run_with_the_least_that_a_process_can_have(pod: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_nothing_passes_but_what_a_policy_names(objects: list[Manifest]) -> None:
    deny = one(objects, "NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    dns = one(objects, "NetworkPolicy", "allow-dns")["spec"]
    assert dns["policyTypes"] == ["Egress"]
    (rule,) = dns["egress"]
    assert {(p["protocol"], p["port"]) for p in rule["ports"]} == {("UDP", 53), ("TCP", 53)}
    (peer,) = rule["to"]
    assert peer["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}


def test_only_the_load_balancers_subnets_reach_the_service(
    synthesis: Synthesis, objects: list[Manifest]
) -> None:
    network = synthesis.template("dev", "Network")
    public = {
        subnet["CidrBlock"]
        for subnet in network.properties("AWS::EC2::Subnet")
        if {"Key": "kubernetes.io/role/elb", "Value": "1"} in subnet["Tags"]
    }
    policy = one(objects, "NetworkPolicy", "web-from-load-balancer")["spec"]
    (rule,) = policy["ingress"]
    assert {peer["ipBlock"]["cidr"] for peer in rule["from"]} == public
    assert rule["ports"] == [{"port": 7777, "protocol": "TCP"}]


def test_the_service_listens_where_the_container_does(objects: list[Manifest]) -> None:
    (port,) = one(objects, "Service")["spec"]["ports"]
    (container,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert port["port"] == port["targetPort"] == container["ports"][0]["containerPort"] == 7777


def test_the_autoscaler_owns_the_replicas(objects: list[Manifest]) -> None:
    assert "replicas" not in one(objects, "Deployment")["spec"]
    spec = one(objects, "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 10)
    targets = {m["resource"]["name"]: m["resource"]["target"] for m in spec["metrics"]}
    assert targets == {
        "cpu": {"type": "Utilization", "averageUtilization": 50},
        "memory": {"type": "Utilization", "averageUtilization": 85},
    }
    assert spec["scaleTargetRef"]["name"] == one(objects, "Deployment")["metadata"]["name"]


def test_pods_come_fast_and_go_calmly(objects: list[Manifest]) -> None:
    behavior = one(objects, "HorizontalPodAutoscaler")["spec"]["behavior"]
    assert "scaleUp" not in behavior
    down = behavior["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 300
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def test_web_goes_before_what_has_no_priority(synthesis: Synthesis, pod: Manifest) -> None:
    classes = {
        item["metadata"]["name"]: item["value"]
        for item in manifests(synthesis.template("dev", "Cluster"))
        if item["kind"] == "PriorityClass"
    }
    assert classes[pod["priorityClassName"]] > 0


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 3), (0, 0), (4, 3)])
def test_replicas_that_could_not_be_drained_are_refused(minimum: int, maximum: int) -> None:
    with pytest.raises(ValueError, match=r"web/web: replicas are .*; it must hold 2 <= min <= max"):
        WebChart(
            App(),
            "web",
            namespace="web",
            image="registry.example/web:1",
            min_replicas=minimum,
            max_replicas=maximum,
            target_cpu_percent=50,
            target_memory_percent=85,
            cpu="100m",
            memory="128Mi",
            progress_deadline_seconds=600,
            load_balancer_subnets={"subnet-1": "10.10.128.0/24"},
        )


def test_no_roll_out_or_drain_takes_the_service_below_its_pods(objects: list[Manifest]) -> None:
    strategy = one(objects, "Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    budget = one(objects, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_selectors_are_the_same_for_good(objects: list[Manifest]) -> None:
    deployment = one(objects, "Deployment")["spec"]
    assert deployment["selector"]["matchLabels"] == {"app.kubernetes.io/name": "web"}
    assert deployment["template"]["metadata"]["labels"] == {"app.kubernetes.io/name": "web"}


def test_a_pod_outlives_its_deregistration(objects: list[Manifest], pod: Manifest) -> None:
    grace = pod["terminationGracePeriodSeconds"]
    assert grace > DEREGISTRATION_SECONDS + DRAIN_SECONDS
    annotations = one(objects, "Ingress")["metadata"]["annotations"]
    attributes = annotations["alb.ingress.kubernetes.io/target-group-attributes"]
    assert attributes == f"deregistration_delay.timeout_seconds={DEREGISTRATION_SECONDS}"


def test_plain_http_stays_inside_the_vpc(objects: list[Manifest]) -> None:
    annotations = one(objects, "Ingress")["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/scheme"] == "internal"


def test_the_image_and_size_are_those_of_the_table(pod: Manifest) -> None:
    (container,) = pod["containers"]
    assert container["image"].endswith(DEV.web.image.removeprefix("docker.io"))
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "128Mi"},
    }


def test_charts_know_nothing_of_other_namespaces(objects: list[Manifest]) -> None:
    placed = {o["metadata"].get("namespace") for o in objects if o["kind"] != "Namespace"}
    assert placed == {"web"}
    assert "kube-system" not in json.dumps([o for o in objects if o["kind"] == "Deployment"])


def test_a_namespace_takes_no_more_than_its_share(objects: list[Manifest]) -> None:
    hard = one(objects, "ResourceQuota")["spec"]["hard"]
    most = 2 * DEV.web.max_replicas + 4
    assert hard == {
        "pods": str(most),
        "requests.cpu": f"{most * 100}m",
        "requests.memory": f"{most * 128}Mi",
        "persistentvolumeclaims": "0",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    (limits,) = one(objects, "LimitRange")["spec"]["limits"]
    assert limits["type"] == "Container"
    assert "cpu" not in limits["default"], "a CPU limit would throttle pods while nodes idle"
    assert set(limits["defaultRequest"]) == {"cpu", "memory"}


@pytest.mark.parametrize("wrong", [{"pods": 0}, {"cpu_millis": 0}, {"memory_mib": 0}])
def test_a_share_that_holds_no_pod_is_refused(wrong: dict[str, int]) -> None:
    share: dict[str, Any] = {"pods": 1, "cpu_millis": 1, "memory_mib": 1, **wrong}
    with pytest.raises(ValueError, match=r"namespace x: .* must be 1 or more"):
        NamespaceChart(App(), "x", name="x", **share)
