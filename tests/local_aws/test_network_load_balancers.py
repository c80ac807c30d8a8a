"""Network Load Balancers: what tells them from those of applications."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, network


def _name() -> str:
    return f"k8s-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def place(account: Account) -> Iterator[dict[str, str]]:
    """A VPC with two subnets, by logical id."""
    with account.stack(network()) as stack:
        yield {name: account.resource(stack, name) for name in ("Vpc", "SubnetA", "SubnetB")}


@pytest.fixture
def elb(account: Account) -> Any:
    return account.client("elbv2")


@pytest.fixture
def make(elb: Any, place: dict[str, str], groups: object) -> Iterator[Callable[..., Any]]:
    made: list[str] = []

    def create(**options: Any) -> str:
        asked = {"Name": _name(), "Type": "network", "Subnets": [place["SubnetA"]], **options}
        (balancer,) = elb.create_load_balancer(**asked)["LoadBalancers"]
        made.append(balancer["LoadBalancerArn"])
        return str(balancer["LoadBalancerArn"])

    yield create
    for arn in made:
        elb.delete_load_balancer(LoadBalancerArn=arn)


@pytest.fixture
def groups(elb: Any, place: dict[str, str]) -> Iterator[dict[str, str]]:
    """A target group of each protocol."""
    made = {}
    for protocol in ("TCP", "HTTP"):
        options = {"Protocol": protocol, "Port": 80, "VpcId": place["Vpc"], "TargetType": "ip"}
        (group,) = elb.create_target_group(Name=_name(), **options)["TargetGroups"]
        made[protocol] = group["TargetGroupArn"]
    yield made
    for arn in made.values():
        elb.delete_target_group(TargetGroupArn=arn)


def _listen(elb: Any, arn: str, group: str, **options: Any) -> Any:
    asked = {"LoadBalancerArn": arn, "Protocol": "TCP", "Port": 80, **options}
    asked.setdefault("DefaultActions", [{"Type": "forward", "TargetGroupArn": group}])
    (listener,) = elb.create_listener(**asked)["Listeners"]
    return listener


def test_it_listens_for_connections_in_one_zone(
    elb: Any, make: Callable[..., str], groups: dict[str, str]
) -> None:
    arn = make()
    assert ":loadbalancer/net/" in arn
    (shown,) = elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    assert (shown["Type"], len(shown["AvailabilityZones"])) == ("network", 1)
    listener = _listen(elb, arn, groups["TCP"])
    assert ":listener/net/" in listener["ListenerArn"]
    found = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert [one["ListenerArn"] for one in found] == [listener["ListenerArn"]]
    with pytest.raises(ClientError, match="DuplicateListener"):
        _listen(elb, arn, groups["TCP"])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(ClientError, match="ListenerNotFound"):
        elb.describe_listener_attributes(ListenerArn=listener["ListenerArn"])


@pytest.mark.parametrize(
    ("options", "group", "code"),
    [
        ({"Protocol": "HTTP"}, "TCP", "UnsupportedProtocol"),
        ({}, "HTTP", "IncompatibleProtocols"),
        ({"Protocol": "TLS", "Port": 443}, "TCP", "A certificate must be specified"),
        (
            {
                "DefaultActions": [
                    {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302"}}
                ]
            },
            "TCP",
            "InvalidLoadBalancerAction",
        ),
    ],
)
def test_a_listener_that_aws_would_refuse_is_refused(
    elb: Any,
    make: Callable[..., str],
    groups: dict[str, str],
    options: dict[str, Any],
    group: str,
    code: str,
) -> None:
    with pytest.raises(ClientError, match=code):
        _listen(elb, make(), groups[group], **options)


def test_an_applications_load_balancer_passes_no_connections_on(
    elb: Any, make: Callable[..., str], groups: dict[str, str], place: dict[str, str]
) -> None:
    arn = make(Type="application", Subnets=[place["SubnetA"], place["SubnetB"]])
    with pytest.raises(ClientError, match="UnsupportedProtocol"):
        _listen(elb, arn, groups["TCP"])
    with pytest.raises(ClientError, match="is one of"):
        make(Type="gateway")


def test_tls_ends_at_a_certificate_that_is_there(
    account: Account, elb: Any, make: Callable[..., str], groups: dict[str, str]
) -> None:
    acm = account.client("acm")
    certificate = acm.request_certificate(DomainName="one.example.com")["CertificateArn"]
    options = {"Protocol": "TLS", "Port": 443, "Certificates": [{"CertificateArn": certificate}]}
    listener = _listen(elb, make(), groups["TCP"], **options)
    assert [c["CertificateArn"] for c in listener["Certificates"]] == [certificate]
    condition = {"Field": "path-pattern", "Values": ["/x"]}
    actions = [{"Type": "forward", "TargetGroupArn": groups["TCP"]}]
    with pytest.raises(ClientError, match="Rules are not supported"):
        elb.create_rule(
            ListenerArn=listener["ListenerArn"], Priority=1, Conditions=[condition], Actions=actions
        )


def test_targets_are_checked_by_connections_unless_requests_are_asked_for(
    elb: Any, groups: dict[str, str], place: dict[str, str]
) -> None:
    (plain,) = elb.describe_target_groups(TargetGroupArns=[groups["TCP"]])["TargetGroups"]
    assert (plain["HealthCheckProtocol"], plain["HealthCheckTimeoutSeconds"]) == ("TCP", 10)
    assert not {"HealthCheckPath", "Matcher", "ProtocolVersion"} & set(plain)
    options = {"Protocol": "TCP", "Port": 80, "VpcId": place["Vpc"], "HealthCheckPath": "/readyz"}
    asked = elb.create_target_group(Name=_name(), HealthCheckProtocol="HTTP", **options)
    (group,) = asked["TargetGroups"]
    assert (group["HealthCheckPath"], group["Matcher"]["HttpCode"]) == ("/readyz", "200-399")
    attributes = elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
    found = {item["Key"]: item["Value"] for item in attributes["Attributes"]}
    assert found["preserve_client_ip.enabled"] == "false"
    assert found["stickiness.type"] == "source_ip"
    elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_what_it_does_not_have_is_refused(
    account: Account, elb: Any, make: Callable[..., str], place: dict[str, str]
) -> None:
    arn = make()

    def attribute(key: str, value: str) -> None:
        wanted = [{"Key": key, "Value": value}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=wanted)

    attribute("load_balancing.cross_zone.enabled", "true")
    for key, value in (
        ("routing.http.drop_invalid_header_fields.enabled", "true"),
        ("access_logs.s3.enabled", "true"),
    ):
        with pytest.raises(ClientError, match="ValidationError"):
            attribute(key, value)
    group = account.client("ec2").create_security_group(
        GroupName=_name(), Description="test", VpcId=place["Vpc"]
    )["GroupId"]
    with pytest.raises(ClientError, match="without security groups"):
        elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[group])
    guarded = make(SecurityGroups=[group])
    elb.set_security_groups(LoadBalancerArn=guarded, SecurityGroups=[group])
    elb.delete_load_balancer(LoadBalancerArn=guarded)
    account.client("ec2").delete_security_group(GroupId=group)
