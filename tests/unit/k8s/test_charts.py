"""The charts, rendered as each environment applies them."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from cdk8s import App

from config.environments import DEV, TABLE
from config.errors import ConfigError
from config.model import Environment
from k8s.namespace import NamespaceChart
from k8s.web import WebChart
from k8s.web_pod import DEREGISTRATION_SECONDS, DRAIN_SECONDS
from tests.synthesis import Synthesis, Template, manifests
from tests.tables import network_load_balancer

Manifest = dict[str, Any]

_BY_ADD_ON = "defined by an EKS add-on, not by Kubernetes"
_BY_VELERO = "defined by Velero's chart, not by Kubernetes"
WITHOUT_SCHEMA = {
    "BackupStorageLocation": _BY_VELERO,
    "Schedule": _BY_VELERO,
    "SecretProviderClass": _BY_ADD_ON,
    "VolumeSnapshotClass": _BY_ADD_ON,
    "VolumeSnapshotLocation": _BY_VELERO,
}
"""Kinds whose schema isn't known here, and why."""


@pytest.fixture
def objects(whole: Synthesis) -> list[Manifest]:
    """What is in the web service's namespace, and the namespace."""
    found = manifests(whole.template("dev", "Workloads"))
    return [m for m in found if "web" in (m["metadata"].get("namespace"), m["metadata"]["name"])]


def one(objects: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    (found,) = (o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"]))
    return found


@pytest.fixture
def pod(objects: list[Manifest]) -> Manifest:
    spec: Manifest = one(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("environment", TABLE.environments, ids=lambda e: e.name)
def test_every_object_of_every_stack_is_valid_for_the_clusters_version(
    synthesis: Synthesis, environment: Environment
) -> None:
    judged, left_out = set(), set()
    for stack, template in synthesis.templates()[environment.name].items():
        for item in manifests(Template(template)):
            if item["kind"] in WITHOUT_SCHEMA:
                left_out.add(item["kind"])
            else:
                kubernetes_validate.validate(item, environment.cluster.version, strict=True)
                judged.add(stack)
    assert judged == {f"{environment.name}-{s}" for s in ("Cluster", "Platform", "Workloads")}
    assert left_out == set(WITHOUT_SCHEMA), "an exception that nothing needs"


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
    web = DEV.web
    assert (spec["minReplicas"], spec["maxReplicas"]) == (web.min_replicas, web.max_replicas)
    targets = {m["resource"]["name"]: m["resource"]["target"] for m in spec["metrics"]}
    assert targets == {
        "cpu": {"type": "Utilization", "averageUtilization": web.target_cpu_percent},
        "memory": {"type": "Utilization", "averageUtilization": web.target_memory_percent},
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


def _web(**changes: Any) -> list[Manifest]:
    props: dict[str, Any] = {
        "namespace": "web",
        "image": "registry.example/web:1",
        "min_replicas": 3,
        "max_replicas": 4,
        "target_cpu_percent": 50,
        "target_memory_percent": 85,
        "cpu": "100m",
        "memory": "128Mi",
        "progress_deadline_seconds": 600,
        "load_balancer_subnets": {"subnet-2": "10.10.129.0/24", "subnet-1": "10.10.128.0/24"},
    }
    made: list[Manifest] = WebChart(App(), "web", **props | changes).to_json()
    return made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_replicas": 1}, "replicas is (1, 4); it must hold 2 <= min <= max"),
        ({"min_replicas": 5}, "replicas is (5, 4); it must hold 2 <= min <= max"),
        ({"image": "registry.example/web"}, "image is 'registry.example/web'; it must be"),
        ({"image": "registry.example/web:latest"}, "a digest or a tag other than 'latest'"),
        ({"cpu": "0"}, "cpu is '0'; it must be a quantity such as '100m'"),
        ({"memory": "128"}, "memory is '128'; it must be a quantity such as '128Mi'"),
        ({"target_cpu_percent": 0}, "target_cpu_percent is 0; it must be 1 to 100"),
        ({"target_memory_percent": 100}, "target_memory_percent is 100; it must be 1 to 95"),
        ({"progress_deadline_seconds": 900}, "progress_deadline_seconds is 900; it must be 30 to"),
        ({"load_balancer": "classic"}, "load_balancer is 'classic'; it must be one of"),
        ({"load_balancer_subnets": {}}, "load_balancer_subnets is {}; it must name one at the"),
        (
            {"load_balancer_subnets": {"subnet-1": "10.10.128.1/24"}},
            "load_balancer_subnets[subnet-1] is '10.10.128.1/24'; it must be a subnet's",
        ),
        ({"certificate_arn": "arn"}, "(host, certificate_arn) is (None, 'arn'); a certificate"),
        ({"host": "x.example"}, "(host, certificate_arn) is ('x.example', None); a certificate"),
        ({"database_pool_size": 0}, "database_pool_size is 0; it must be at least 1"),
    ],
)
def test_what_could_not_run_is_refused(changes: Manifest, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^web/web: .*{re.escape(message)}.*$") as caught:
        _web(**changes)
    assert len(str(caught.value).splitlines()) == 1


PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"


def test_a_network_load_balancer_passes_connections_to_pods_inside_the_vpc() -> None:
    made = _web(load_balancer="network")
    assert not any(item["kind"] == "Ingress" for item in made)
    service = one(made, "Service", "web-load-balancer")
    spec, annotations = service["spec"], service["metadata"]["annotations"]
    assert (spec["type"], spec["loadBalancerClass"]) == ("LoadBalancer", "service.k8s.aws/nlb")
    assert spec["allocateLoadBalancerNodePorts"] is False
    assert spec["selector"] == one(made, "Deployment")["spec"]["selector"]["matchLabels"]
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": 7777}]
    asked = {name.removeprefix(PREFIX): value for name, value in annotations.items()}
    assert asked == {
        "scheme": "internal",
        "subnets": "subnet-2,subnet-1",  # as given: as tokens they would sort by chance
        "nlb-target-type": "ip",
        "healthcheck-protocol": "http",
        "healthcheck-path": "/readyz",
        "target-group-attributes": (
            f"deregistration_delay.timeout_seconds={DEREGISTRATION_SECONDS},"
            "preserve_client_ip.enabled=false"
        ),
        "attributes": "load_balancing.cross_zone.enabled=true",
    }
    # The pods know it by its subnets' addresses, as they know an ALB.
    assert one(made, "NetworkPolicy") == one(_web(), "NetworkPolicy")
    kubernetes_validate.validate(service, DEV.cluster.version, strict=True)


def test_with_a_certificate_only_tls_comes_from_outside() -> None:
    tls = {"host": "web.example.com", "certificate_arn": "arn:of:certificate"}
    service = one(_web(load_balancer="network", **tls), "Service", "web-load-balancer")
    assert service["spec"]["ports"] == [{"name": "https", "port": 443, "targetPort": 7777}]
    annotations = service["metadata"]["annotations"]
    assert annotations[f"{PREFIX}scheme"] == "internet-facing"
    assert annotations[f"{PREFIX}ssl-cert"] == "arn:of:certificate"
    assert annotations[f"{PREFIX}ssl-ports"] == "443"
    assert annotations[f"{PREFIX}ssl-negotiation-policy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    ingress = one(_web(**tls), "Ingress")
    assert ingress["spec"]["rules"][0]["host"] == "web.example.com"
    asked = ingress["metadata"]["annotations"]
    assert asked["alb.ingress.kubernetes.io/ssl-redirect"] == "443"
    assert asked["alb.ingress.kubernetes.io/scheme"] == "internet-facing"


def test_only_a_network_load_balancer_is_a_service_that_the_share_has_room_for(
    tmp_path: Path,
) -> None:
    other = network_load_balancer(DEV)
    synthesis = Synthesis(replace(TABLE, environments=(other,)), tmp_path)
    made = manifests(synthesis.template(other.name, "Workloads"))
    (quota,) = (
        item["spec"]["hard"]
        for item in made
        if item["kind"] == "ResourceQuota" and item["metadata"]["namespace"] == "web"
    )
    assert (quota["services.loadbalancers"], quota["services.nodeports"]) == ("1", "0")
    asked = [item for item in made if item.get("spec", {}).get("type") == "LoadBalancer"]
    assert [item["metadata"]["name"] for item in asked] == ["web-load-balancer"]
    alarms = synthesis.template(other.name, "Observability").properties("AWS::CloudWatch::Alarm")
    names = {alarm["AlarmName"] for alarm in alarms}
    # It sees no requests, so it can't count those that fail.
    assert not {f"{other.name}-web-errors", f"{other.name}-load-balancer-errors"} & names
    name = f"{other.name}-web-unhealthy"
    (watched,) = (alarm for alarm in alarms if alarm["AlarmName"] == name)
    assert '"AWS/NetworkELB"' in str(watched["Metrics"])


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
    (container,) = pod["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    drains = int(told["DEREGISTRATION_SECONDS"]) + int(told["DRAIN_SECONDS"])
    assert grace > drains == DEREGISTRATION_SECONDS + DRAIN_SECONDS
    annotations = one(objects, "Ingress")["metadata"]["annotations"]
    attributes = annotations["alb.ingress.kubernetes.io/target-group-attributes"]
    assert attributes == f"deregistration_delay.timeout_seconds={DEREGISTRATION_SECONDS}"


def test_the_image_and_size_are_those_of_the_table(pod: Manifest) -> None:
    (container,) = pod["containers"]
    assert container["image"].endswith(DEV.web.image.removeprefix("docker.io"))
    assert container["resources"] == {
        "requests": {"cpu": DEV.web.cpu, "memory": DEV.web.memory},
        "limits": {"memory": DEV.web.memory},
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
        "requests.cpu": f"{most * DEV.web.cpu_millis}m",
        "requests.memory": f"{most * DEV.web.memory_mib}Mi",
        "persistentvolumeclaims": "0",
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    (limits,) = one(objects, "LimitRange")["spec"]["limits"]
    assert limits["type"] == "Container"
    assert "cpu" not in limits["default"], "a CPU limit would throttle pods while nodes idle"
    assert set(limits["defaultRequest"]) == {"cpu", "memory"}


@pytest.mark.parametrize(
    ("field", "value", "least"),
    [
        ("pods", 0, 1),
        ("cpu_millis", 0, 1),
        ("memory_mib", 0, 1),
        ("claims", -1, 0),
        ("load_balancers", -1, 0),
    ],
)
def test_a_share_that_holds_no_pod_is_refused(field: str, value: int, least: int) -> None:
    share: dict[str, Any] = {"pods": 1, "cpu_millis": 1, "memory_mib": 1, field: value}
    said = f"namespace x: {field} is {value}; it must be at least {least}"
    with pytest.raises(ConfigError, match=f"^{said}$"):
        NamespaceChart(App(), "x", name="x", **share)
