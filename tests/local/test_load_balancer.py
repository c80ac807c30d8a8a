"""The load balancer that the real controller makes of the web service's Ingress."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cdk8s import App

from config.environments import DEV
from k8s.web import WebChart
from k8s.web_exposure import TLS_POLICY
from tests.local.machine import Machine, eventually

CONTROLLER = "aws-load-balancer-controller"


def _balancers(dev: Machine) -> list[Any]:
    found: list[Any] = dev.client("elbv2").describe_load_balancers()["LoadBalancers"]
    return found


def _ingress(dev: Machine, name: str = "web") -> Any:
    return dev.kubectl("get", "ingress", name, "-n", "web", "-o", "json")


def test_the_controller_is_installed_from_its_own_chart(dev: Machine) -> None:
    path = ["deployment", CONTROLLER, "-n", "kube-system"]
    deployment = dev.kubectl("get", *path, "-o", "json")
    assert deployment["metadata"]["labels"]["helm.sh/chart"] == f"{CONTROLLER}-3.3.0"
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    vpc = dev.client("eks").describe_cluster(name="dev")["cluster"]["resourcesVpcConfig"]["vpcId"]
    assert f"--aws-vpc-id={vpc}" in arguments


def test_the_service_has_an_address_inside_the_vpc(dev: Machine) -> None:
    (address,) = _ingress(dev)["status"]["loadBalancer"]["ingress"]
    (balancer,) = (b for b in _balancers(dev) if b["DNSName"] == address["hostname"])
    assert balancer["Scheme"] == "internal"
    assert balancer["Type"] == "application"
    subnets = [zone["SubnetId"] for zone in balancer["AvailabilityZones"]]
    shown = dev.client("ec2").describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {subnet["AvailabilityZone"] for subnet in shown} == {"eu-central-1a", "eu-central-1b"}


def test_the_load_balancer_logs_and_drops_what_smuggles(dev: Machine) -> None:
    elb = dev.client("elbv2")
    for balancer in _balancers(dev):
        arn = balancer["LoadBalancerArn"]
        found = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        attributes = {item["Key"]: item["Value"] for item in found}
        assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
        assert attributes["access_logs.s3.enabled"] == "true"
        dev.client("s3").head_bucket(Bucket=attributes["access_logs.s3.bucket"])


def test_all_that_the_controller_makes_is_tagged(dev: Machine) -> None:
    elb, ec2 = dev.client("elbv2"), dev.client("ec2")
    arns = [balancer["LoadBalancerArn"] for balancer in _balancers(dev)]
    listeners = [elb.describe_listeners(LoadBalancerArn=arn)["Listeners"] for arn in arns]
    arns += [listener["ListenerArn"] for found in listeners for listener in found]
    arns += [g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]]
    kinds = {arn.split(":")[5].split("/")[0] for arn in arns}
    assert kinds == {"loadbalancer", "listener", "targetgroup"}
    for shown in elb.describe_tags(ResourceArns=arns)["TagDescriptions"]:
        tags = {tag["Key"]: tag["Value"] for tag in shown["Tags"]}
        assert tags.items() >= DEV.tags.items(), shown["ResourceArn"]
    made = [{"Name": "tag-key", "Values": ["elbv2.k8s.aws/cluster"]}]
    groups = ec2.describe_security_groups(Filters=made)["SecurityGroups"]
    # The load balancer's own, and the one by which the nodes know all of them.
    assert len(groups) == 2
    for group in groups:
        tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
        assert tags.items() >= DEV.tags.items(), group["GroupName"]


def test_its_targets_are_the_pods(dev: Machine) -> None:
    elb = dev.client("elbv2")
    (group,) = elb.describe_target_groups()["TargetGroups"]
    assert (group["TargetType"], group["HealthCheckPath"]) == ("ip", "/readyz")

    def targets() -> set[str]:
        health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        return {item["Target"]["Id"] for item in health["TargetHealthDescriptions"]}

    def pods() -> set[str]:
        items = dev.kubectl("get", "pods", "-n", "web", "-l", "app.kubernetes.io/name=web",
                            "-o", "json")["items"]  # fmt: skip
        return {item["status"].get("podIP", "") for item in items}

    assert eventually(lambda: targets() == pods())


def test_the_nodes_let_the_load_balancer_in(dev: Machine) -> None:
    cluster = dev.client("eks").describe_cluster(name="dev")["cluster"]
    name = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    (group,) = dev.client("ec2").describe_security_groups(GroupIds=[name])["SecurityGroups"]
    opened = [p for p in group["IpPermissions"] if p.get("FromPort") == p.get("ToPort") == 7777]
    (source,) = (pair["GroupId"] for rule in opened for pair in rule["UserIdGroupPairs"])
    assert any(source in balancer["SecurityGroups"] for balancer in _balancers(dev))


def test_a_new_pod_waits_for_its_place_behind_the_load_balancer(dev: Machine) -> None:
    get = ("get", "pods", "-n", "web", "-l", "app.kubernetes.io/name=web", "-o", "json")
    before = [item["metadata"]["name"] for item in dev.kubectl(*get)["items"]]
    dev.kubectl("delete", "pod", before[0], "-n", "web", "--wait=false")

    def new() -> list[Any]:
        return [i for i in dev.kubectl(*get)["items"] if i["metadata"]["name"] not in before]

    (pod, *_) = eventually(new)
    (gate, *_) = pod["spec"]["readinessGates"]
    assert gate["conditionType"].startswith("target-health.elbv2.k8s.aws/")

    def ready() -> bool:
        status = dev.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")["status"]
        return bool(status.get("readyReplicas", 0) == status["replicas"])

    assert eventually(ready)


def test_its_webhooks_refuse_what_is_wrong(dev: Machine) -> None:
    """Called through the Service, with the certificate that the chart made."""
    binding = {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": "wrong", "namespace": "web"},
        "spec": {
            "serviceRef": {"name": "web", "port": 7777},
            "targetGroupARN": "arn:aws:elasticloadbalancing:eu-central-1:111111111111:"
            "targetgroup/none/0123456789abcdef",
        },
    }
    file = dev.state.folder / "binding.json"
    file.write_text(json.dumps(binding))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        dev.kubectl("apply", "-f", str(file))
    file.unlink()
    assert "elbv2.k8s.aws" in caught.value.stderr
    assert "denied the request" in caught.value.stderr


@pytest.fixture
def second(dev: Machine) -> Iterator[dict[str, Any]]:
    """Another Ingress of the same service, not there yet; gone after the test."""
    web = _ingress(dev)
    item = {key: web[key] for key in ("apiVersion", "kind", "spec")}
    annotations = {
        key: value
        for key, value in web["metadata"]["annotations"].items()
        if key.startswith("alb.ingress.kubernetes.io/")
    }
    item["metadata"] = {"name": "second", "namespace": "web", "annotations": annotations}
    yield item
    dev.kubectl("delete", "ingress", "second", "-n", "web", "--ignore-not-found")


def _apply(dev: Machine, item: dict[str, Any]) -> None:
    file = dev.state.folder / "ingress.json"
    file.write_text(json.dumps(item))
    dev.kubectl("apply", "-f", str(file))
    file.unlink()


def test_an_ingress_that_goes_leaves_nothing(dev: Machine, second: dict[str, Any]) -> None:
    elb, ec2 = dev.client("elbv2"), dev.client("ec2")

    def account() -> tuple[set[str], set[str], set[str]]:
        return (
            {b["LoadBalancerName"] for b in _balancers(dev)},
            {g["TargetGroupName"] for g in elb.describe_target_groups()["TargetGroups"]},
            {g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]},
        )

    before = account()
    _apply(dev, second)
    eventually(lambda: _ingress(dev, "second")["status"].get("loadBalancer", {}).get("ingress"))
    during = account()
    assert [len(now - then) for now, then in zip(during, before, strict=True)] == [1, 1, 1]
    dev.kubectl("delete", "ingress", "second", "-n", "web")
    assert eventually(lambda: account() == before)


def test_without_the_permission_there_is_no_load_balancer(
    dev: Machine, second: dict[str, Any]
) -> None:
    iam = dev.client("iam")
    eks = dev.client("eks")
    (found,) = eks.list_pod_identity_associations(
        clusterName="dev", namespace="kube-system", serviceAccount=CONTROLLER
    )["associations"]
    association = eks.describe_pod_identity_association(
        clusterName="dev", associationId=found["associationId"]
    )["association"]
    role = association["roleArn"].rsplit("/", 1)[-1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    action = "elasticloadbalancing:CreateLoadBalancer"
    less = json.loads(json.dumps(whole).replace(f'"{action}"', '"elasticloadbalancing:None"'))
    assert less != whole
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(less))
    try:
        _apply(dev, second)

        def complaint() -> str:
            events = dev.kubectl("get", "events", "-n", "web", "-o", "json")["items"]
            return next(
                (
                    event["message"]
                    for event in events
                    if event["involvedObject"]["name"] == "second" and event["type"] == "Warning"
                ),
                "",
            )

        assert f"not authorized to perform: {action}" in eventually(complaint)
        assert len(_balancers(dev)) == 1
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(whole))


def _with_certificate(subnets: list[str], arn: str) -> dict[str, Any]:
    """The Ingress of the web service, as its chart writes it where there is a domain."""
    web = DEV.web
    chart = WebChart(
        App(),
        "web",
        namespace="web",
        image=web.image,
        min_replicas=web.min_replicas,
        max_replicas=web.max_replicas,
        target_cpu_percent=web.target_cpu_percent,
        target_memory_percent=web.target_memory_percent,
        cpu=web.cpu,
        memory=web.memory,
        progress_deadline_seconds=web.rollout_seconds,
        load_balancer_subnets=dict.fromkeys(subnets, "10.10.128.0/24"),
        host="dev.example.com",
        certificate_arn=arn,
    )
    (ingress,) = (item for item in chart.to_json() if item["kind"] == "Ingress")
    return dict(ingress)


def test_a_domain_is_served_by_https_and_its_certificate_alone(
    dev: Machine, second: dict[str, Any]
) -> None:
    elb, acm = dev.client("elbv2"), dev.client("acm")
    arn = acm.request_certificate(DomainName="dev.example.com")["CertificateArn"]
    subnets = second["metadata"]["annotations"]["alb.ingress.kubernetes.io/subnets"].split(",")
    item = _with_certificate(subnets, arn)
    item["metadata"] |= {"name": "second"}
    _apply(dev, item)

    def address() -> Any:
        return _ingress(dev, "second")["status"].get("loadBalancer", {}).get("ingress")

    (found,) = eventually(address)
    (balancer,) = (b for b in _balancers(dev) if b["DNSName"] == found["hostname"])
    assert balancer["Scheme"] == "internet-facing"
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    http, https = sorted(listeners, key=lambda listener: int(listener["Port"]))
    assert (http["Port"], http["Protocol"]) == (80, "HTTP")
    rules = elb.describe_rules(ListenerArn=http["ListenerArn"])["Rules"]
    redirects = [action.get("RedirectConfig") for rule in rules for action in rule["Actions"]]
    assert {r and (r["Protocol"], r["Port"], r["StatusCode"]) for r in redirects} == {
        ("HTTPS", "443", "HTTP_301")
    }
    assert (https["Port"], https["Protocol"], https["SslPolicy"]) == (443, "HTTPS", TLS_POLICY)
    assert [c["CertificateArn"] for c in https["Certificates"]] == [arn]

    def users() -> list[str]:
        shown = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        return list(shown["InUseBy"])

    assert users() == [balancer["LoadBalancerArn"]]
    with pytest.raises(acm.exceptions.ResourceInUseException):
        acm.delete_certificate(CertificateArn=arn)
    dev.kubectl("delete", "ingress", "second", "-n", "web")
    assert eventually(lambda: not users())
    acm.delete_certificate(CertificateArn=arn)
