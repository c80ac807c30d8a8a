"""The web service behind a Network Load Balancer, which the real controller makes of its chart."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cdk8s import App

from config.environments import DEV
from k8s.namespace import NamespaceChart
from k8s.web import WebChart
from tests.local.machine import Machine, eventually

NAMESPACE = "connections"


def _apply(dev: Machine, items: list[dict[str, Any]]) -> None:
    file = dev.state.folder / "connections.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    dev.kubectl("apply", "-f", str(file), "--warnings-as-errors")
    file.unlink()


def _in_aws(dev: Machine) -> tuple[set[str], set[str], set[str]]:
    elb, ec2 = dev.client("elbv2"), dev.client("ec2")
    return (
        {b["LoadBalancerArn"] for b in elb.describe_load_balancers()["LoadBalancers"]},
        {g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]},
        {g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]},
    )


@pytest.fixture(scope="module")
def service(dev: Machine) -> Iterator[Any]:
    """The Service that is the load balancer, once it has an address; gone after the tests."""
    before = _in_aws(dev)
    ingress = dev.kubectl("get", "ingress", "web", "-n", "web", "-o", "json")
    subnets = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/subnets"].split(",")
    shown = dev.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    share = DEV.web.share
    namespace = NamespaceChart(
        App(),
        "namespace",
        name=NAMESPACE,
        pods=share.pods,
        cpu_millis=share.cpu_millis,
        memory_mib=share.memory_mib,
        load_balancers=1,
        behind_load_balancer=True,
    )
    chart = WebChart(
        App(),
        "web",
        namespace=NAMESPACE,
        image="registry.example/web:1",
        min_replicas=2,
        max_replicas=2,
        target_cpu_percent=50,
        target_memory_percent=85,
        cpu="10m",
        memory="16Mi",
        progress_deadline_seconds=600,
        load_balancer="network",
        load_balancer_subnets={subnet["SubnetId"]: subnet["CidrBlock"] for subnet in shown},
    )
    _apply(dev, namespace.to_json())
    _apply(dev, chart.to_json())

    def addressed() -> Any:
        path = ("service", "web-load-balancer", "-n", NAMESPACE, "-o", "json")
        found = dev.kubectl("get", *path)
        return found if found["status"].get("loadBalancer", {}).get("ingress") else None

    try:
        yield eventually(addressed)
    finally:
        dev.kubectl("delete", "namespace", NAMESPACE)
    assert eventually(lambda: _in_aws(dev) == before)


@pytest.fixture
def balancer(dev: Machine, service: Any) -> Any:
    (address,) = service["status"]["loadBalancer"]["ingress"]
    found = dev.client("elbv2").describe_load_balancers()["LoadBalancers"]
    (one,) = (b for b in found if b["DNSName"] == address["hostname"])
    return one


def test_it_passes_connections_on_inside_the_vpc(dev: Machine, balancer: Any) -> None:
    assert (balancer["Type"], balancer["Scheme"]) == ("network", "internal")
    assert balancer["SecurityGroups"]
    elb, arn = dev.client("elbv2"), balancer["LoadBalancerArn"]
    (listener,) = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert (listener["Protocol"], listener["Port"]) == ("TCP", 80)
    asked = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    attributes = {item["Key"]: item["Value"] for item in asked}
    assert attributes["load_balancing.cross_zone.enabled"] == "true"


def test_its_targets_are_pods_that_answer(dev: Machine, balancer: Any) -> None:
    elb = dev.client("elbv2")
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    arn = listeners[0]["DefaultActions"][0]["TargetGroupArn"]
    (group,) = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (group["Protocol"], group["Port"], group["TargetType"]) == ("TCP", 7777, "ip")
    assert (group["HealthCheckProtocol"], group["HealthCheckPath"]) == ("HTTP", "/readyz")
    asked = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    attributes = {item["Key"]: item["Value"] for item in asked}
    assert attributes["deregistration_delay.timeout_seconds"] == "20"
    assert attributes["preserve_client_ip.enabled"] == "false"

    def targets() -> set[str]:
        health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {item["Target"]["Id"] for item in health}

    def pods() -> set[str]:
        items = dev.kubectl("get", "pods", "-n", NAMESPACE, "-o", "json")["items"]
        return {item["status"].get("podIP", "") for item in items}

    assert eventually(lambda: len(targets()) == 2 and targets() == pods())


def test_the_nodes_let_it_in(dev: Machine, balancer: Any) -> None:
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    name = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    (group,) = dev.client("ec2").describe_security_groups(GroupIds=[name])["SecurityGroups"]
    opened = [p for p in group["IpPermissions"] if p.get("FromPort") == p.get("ToPort") == 7777]
    sources = {pair["GroupId"] for rule in opened for pair in rule["UserIdGroupPairs"]}
    assert sources & set(balancer["SecurityGroups"])


def test_no_node_listens_for_it(service: Any) -> None:
    assert not any("nodePort" in port for port in service["spec"]["ports"])
