"""Load balancers, as a client sees them: in their place, with what was asked for, and guarded."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mindforce.load_balancer_policy import CLUSTER_TAG, statements
from tests.local_aws.support import ACCOUNT, REGION, Account, network

TAGS = [{"Key": CLUSTER_TAG, "Value": "dev"}]
OTHERS = [{"Key": CLUSTER_TAG, "Value": "other"}]


def _name() -> str:
    return f"k8s-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def place(account: Account) -> Iterator[dict[str, str]]:
    """A VPC with two subnets, by logical id."""
    with account.stack(network()) as stack:
        yield {name: account.resource(stack, name) for name in ("Vpc", "SubnetA", "SubnetB")}


@pytest.fixture
def make(account: Account, place: dict[str, str]) -> Iterator[Callable[..., Any]]:
    elb = account.client("elbv2")
    made: list[str] = []

    def create(client: Any = elb, **options: Any) -> Any:
        subnets = [place["SubnetA"], place["SubnetB"]]
        asked = {"Name": _name(), "Subnets": subnets, "Tags": TAGS, **options}
        (balancer,) = client.create_load_balancer(**asked)["LoadBalancers"]
        made.append(balancer["LoadBalancerArn"])
        return balancer

    yield create
    for arn in made:
        elb.delete_load_balancer(LoadBalancerArn=arn)


@pytest.fixture
def group(account: Account, place: dict[str, str]) -> Iterator[str]:
    elb = account.client("elbv2")
    options = {"Protocol": "HTTP", "Port": 80, "VpcId": place["Vpc"], "TargetType": "ip"}
    (made,) = elb.create_target_group(Name=_name(), Tags=TAGS, **options)["TargetGroups"]
    assert made["ProtocolVersion"] == "HTTP1"
    yield made["TargetGroupArn"]
    elb.delete_target_group(TargetGroupArn=made["TargetGroupArn"])


def test_a_load_balancer_is_where_its_subnets_are(
    make: Callable[..., Any], place: dict[str, str]
) -> None:
    mappings = [{"SubnetId": place["SubnetA"]}, {"SubnetId": place["SubnetB"]}]
    balancer = make(Subnets=[], SubnetMappings=mappings)
    assert balancer["VpcId"] == place["Vpc"]
    zones = {zone["SubnetId"]: zone["ZoneName"] for zone in balancer["AvailabilityZones"]}
    assert zones == {place["SubnetA"]: f"{REGION}a", place["SubnetB"]: f"{REGION}b"}


@pytest.mark.parametrize(
    ("subnets", "code"),
    [(["subnet-none", "subnet-other"], "SubnetNotFound"), (["SubnetA"], "ValidationError")],
)
def test_subnets_that_aws_would_refuse_are_refused(
    make: Callable[..., Any], place: dict[str, str], subnets: list[str], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        make(Subnets=[place.get(name, name) for name in subnets])
    assert caught.value.response["Error"]["Code"] == code


def test_a_forward_keeps_its_weights_and_holds_its_group(
    account: Account, make: Callable[..., Any], group: str
) -> None:
    elb = account.client("elbv2")
    arn = make()["LoadBalancerArn"]
    forward = {"TargetGroups": [{"TargetGroupArn": group, "Weight": 7}]}
    (listener,) = elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "ForwardConfig": forward}],
    )["Listeners"]
    (action,) = listener["DefaultActions"]
    assert action["ForwardConfig"]["TargetGroups"] == forward["TargetGroups"]
    (shown,) = elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
    assert shown["LoadBalancerArns"] == [arn]
    with pytest.raises(ClientError, match="ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=group)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(ClientError, match="ListenerNotFound"):
        elb.describe_listener_certificates(ListenerArn=listener["ListenerArn"])


def test_a_listener_needs_a_certificate_that_is_there(
    account: Account, make: Callable[..., Any]
) -> None:
    elb, acm = account.client("elbv2"), account.client("acm")
    arn = make()["LoadBalancerArn"]
    body = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    ask: dict[str, Any] = {"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443}
    ask["DefaultActions"] = [body]
    with pytest.raises(ClientError, match="certificate must be specified"):
        elb.create_listener(**ask)
    missing = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/none"
    with pytest.raises(ClientError, match="CertificateNotFound"):
        elb.create_listener(**ask, Certificates=[{"CertificateArn": missing}])
    first, second = (
        acm.request_certificate(DomainName=f"{name}.example.com")["CertificateArn"]
        for name in ("one", "two")
    )
    (listener,) = elb.create_listener(**ask, Certificates=[{"CertificateArn": first}])["Listeners"]
    name = listener["ListenerArn"]
    elb.add_listener_certificates(ListenerArn=name, Certificates=[{"CertificateArn": second}])
    found = elb.describe_listener_certificates(ListenerArn=name)["Certificates"]
    assert {c["CertificateArn"]: c["IsDefault"] for c in found} == {first: True, second: False}
    elb.remove_listener_certificates(ListenerArn=name, Certificates=[{"CertificateArn": second}])
    (left,) = elb.describe_listener_certificates(ListenerArn=name)["Certificates"]
    assert left["CertificateArn"] == first


@pytest.mark.parametrize("lets_in", [True, False])
def test_logs_go_only_where_the_log_delivery_may_write(
    account: Account, make: Callable[..., Any], lets_in: bool
) -> None:
    elb, s3 = account.client("elbv2"), account.client("s3")
    bucket = f"logs-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{ACCOUNT if lets_in else '9' * 12}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    attributes = [
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": bucket},
    ]
    arn = make()["LoadBalancerArn"]
    ask = {"LoadBalancerArn": arn, "Attributes": attributes}
    if lets_in:
        elb.modify_load_balancer_attributes(**ask)
    else:
        with pytest.raises(ClientError, match=f"Access Denied for bucket: {bucket}"):
            elb.modify_load_balancer_attributes(**ask)
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)


@pytest.fixture(params=[()], ids=["whole"])
def controller(
    request: pytest.FixtureRequest, account: Account, place: dict[str, str]
) -> Iterator[Account]:
    """Somebody with the controller's policy, less the actions that the test takes away."""
    whole = statements(cluster_name="dev", region=REGION, account=ACCOUNT, vpc_id=place["Vpc"])
    kept = []
    for statement in whole:
        actions = statement["Action"]
        listed = actions if isinstance(actions, list) else [actions]
        left = [action for action in listed if action not in request.param]
        if left:
            kept.append({"Effect": "Allow", **statement, "Action": left})
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    policy = {"PolicyName": "own", "PolicyDocument": {"Statement": kept}}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy],
        },
    }
    with account.stack({"Role": role}) as stack:
        yield account.assume(account.resource(stack, "Role"))


def _denied(call: Callable[..., Any], **options: Any) -> bool:
    try:
        call(**options)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("AccessDenied", "UnauthorizedOperation"):
            raise
        return True
    return False


@pytest.mark.parametrize(
    ("kind", "protocol", "attribute"),
    [
        ("application", "HTTP", ("idle_timeout.timeout_seconds", "30")),
        ("network", "TCP", ("load_balancing.cross_zone.enabled", "true")),
    ],
)
def test_the_controller_makes_and_removes_its_own(
    controller: Account,
    make: Callable[..., Any],
    place: dict[str, str],
    kind: str,
    protocol: str,
    attribute: tuple[str, str],
) -> None:
    elb = controller.client("elbv2")
    arn = make(elb, Type=kind)["LoadBalancerArn"]
    attributes = [dict(zip(("Key", "Value"), attribute, strict=True))]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=attributes)
    options = {"Protocol": protocol, "Port": 80, "VpcId": place["Vpc"], "TargetType": "ip"}
    (group,) = elb.create_target_group(Name=_name(), Tags=TAGS, **options)["TargetGroups"]
    forward = {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}
    elb.create_listener(LoadBalancerArn=arn, Protocol=protocol, Port=80, DefaultActions=[forward])
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_the_controller_leaves_others_alone(
    controller: Account, make: Callable[..., Any], group: str, account: Account
) -> None:
    elb = controller.client("elbv2")
    others = make(Tags=OTHERS)["LoadBalancerArn"]
    assert _denied(elb.delete_load_balancer, LoadBalancerArn=others)
    assert _denied(make, client=elb, Tags=OTHERS)
    assert _denied(make, client=elb, Name="another-name")
    # Its own tag on what isn't its own would make it so.
    assert _denied(elb.add_tags, ResourceArns=[others], Tags=[{"Key": "a", "Value": "b"}])
    assert not _denied(elb.add_tags, ResourceArns=[group], Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize(
    "controller", [("elasticloadbalancing:CreateLoadBalancer",)], indirect=True
)
def test_an_action_that_is_taken_away_is_denied(
    controller: Account, make: Callable[..., Any]
) -> None:
    elb = controller.client("elbv2")
    assert _denied(make, client=elb)
    elb.describe_load_balancers()


def test_the_controller_changes_its_security_groups_and_the_nodes(
    controller: Account, account: Account, place: dict[str, str]
) -> None:
    ec2, root = controller.client("ec2"), account.client("ec2")

    def new(client: Any, *tags: dict[str, str]) -> str:
        given = [{"ResourceType": "security-group", "Tags": list(tags)}] if tags else []
        made: str = client.create_security_group(
            GroupName=_name(), Description="test", VpcId=place["Vpc"], TagSpecifications=given
        )["GroupId"]
        return made

    own = new(ec2, *TAGS)
    nodes = new(root, {"Key": "kubernetes.io/cluster/dev", "Value": "owned"})
    strange = new(root)
    pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
    pair["UserIdGroupPairs"] = [{"GroupId": own}]
    for group in (own, nodes):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[pair])
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[pair])
        (shown,) = root.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert shown["IpPermissions"] == []
    ask = {"GroupId": strange, "IpPermissions": [pair]}
    assert _denied(ec2.authorize_security_group_ingress, **ask)
    assert _denied(ec2.create_tags, Resources=[strange], Tags=TAGS)
    assert _denied(ec2.delete_security_group, GroupId=nodes)
    ec2.delete_security_group(GroupId=own)
    for group in (nodes, strange):
        root.delete_security_group(GroupId=group)


def test_zones_are_found_by_their_ids(account: Account) -> None:
    ec2 = account.client("ec2")
    every = ec2.describe_availability_zones()["AvailabilityZones"]
    (found,) = ec2.describe_availability_zones(ZoneIds=[every[1]["ZoneId"]])["AvailabilityZones"]
    assert found["ZoneName"] == every[1]["ZoneName"]
