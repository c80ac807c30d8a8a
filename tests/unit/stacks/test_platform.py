"""The controllers: complete before the workloads, and able to do no more than they must."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV, PROD, TABLE
from config.platform import Domain
from tests.synthesis import Synthesis, Template, manifests, plain
from tests.tables import named, with_all_parts

RELEASE = "Custom::AWSCDK-EKS-HelmChart"
CONTROLLER = "aws-load-balancer-controller"
HANDLER_LIMIT_SECONDS = 900


@pytest.fixture
def template(whole: Synthesis) -> Template:
    return whole.template("dev", "Platform")


def _values(template: Template, release: str) -> dict[str, Any]:
    (found,) = (r for r in template.properties(RELEASE) if r["Release"] == release)
    values: dict[str, Any] = json.loads(plain(found["Values"]))
    return values


def _statements(template: Template, service_account: str) -> list[dict[str, Any]]:
    """The policy of the role that a service account's pods get."""
    (association,) = (
        a
        for a in template.properties("AWS::EKS::PodIdentityAssociation")
        if a["ServiceAccount"] == service_account
    )
    role = template["Resources"][association["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    (policy,) = role["Policies"]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_release_is_pinned_and_whole_or_not_there(template: Template) -> None:
    releases = template.properties(RELEASE)
    assert {r["Release"] for r in releases} == {CONTROLLER, "cluster-autoscaler", "velero"}
    for release in releases:
        assert release["Atomic"] is True
        assert release["Wait"] is True
        assert release["Version"][0].isdigit()
        # It waits once for the roll-out and, when that fails, once for the roll-back.
        assert 2 * int(release["Timeout"].removesuffix("s")) < HANDLER_LIMIT_SECONDS


def test_pods_have_their_credentials_before_they_are_made(template: Template) -> None:
    associations = template.resources("AWS::EKS::PodIdentityAssociation")
    assert len(associations) == 3
    for name, release in template.resources(RELEASE).items():
        values = _values(template, release["Properties"]["Release"])
        account = values.get("serviceAccount") or values["rbac"]["serviceAccount"]
        account = account.get("server", account)
        (mine,) = (
            association
            for association, found in associations.items()
            if found["Properties"]["ServiceAccount"] == account["name"]
        )
        assert template.comes_after(name, mine)


def test_a_role_is_for_the_pods_of_one_service_account(template: Template) -> None:
    for role in template.properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        tags = statement["Condition"]["StringEquals"]
        assert tags["aws:RequestTag/eks-cluster-name"] == "dev"
        assert tags["aws:RequestTag/kubernetes-namespace"] == "kube-system"
        assert "aws:RequestTag/kubernetes-service-account" in tags


@pytest.mark.parametrize("account", [CONTROLLER, "cluster-autoscaler"])
def test_what_changes_anything_is_limited_to_this_cluster(template: Template, account: str) -> None:
    for statement in _statements(template, account):
        actions = [a.split(":")[1] for a in _listed(statement["Action"])]
        if all(action.startswith(("Describe", "List", "Get")) for action in actions):
            continue
        for resource in _listed(statement["Resource"]):
            own = "k8s-" in resource or "vpc/" in json.dumps(resource)
            limited = json.dumps(statement.get("Condition", {}))
            service = "elasticloadbalancing.amazonaws.com" in limited
            assert own or service or '"dev"' in limited or "/dev" in limited, statement


def test_the_autoscaler_moves_its_own_clusters_groups_alone(synthesis: Synthesis) -> None:
    for name in synthesis.environments:
        (statement,) = (
            statement
            for statement in _statements(synthesis.template(name, "Platform"), "cluster-autoscaler")
            if any(":Describe" not in a and ":Get" not in a for a in _listed(statement["Action"]))
        )
        assert sorted(statement["Action"]) == [
            "autoscaling:SetDesiredCapacity",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
        ]
        tag = f"aws:ResourceTag/k8s.io/cluster-autoscaler/{name}"
        assert statement["Condition"] == {"StringEquals": {tag: "owned"}}


def test_the_controllers_hold_out_in_production(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Platform")
    for release in (CONTROLLER, "cluster-autoscaler"):
        values = _values(template, release)
        assert values["replicaCount"] == PROD.platform.controller_replicas
        assert values["podDisruptionBudget"] == {"maxUnavailable": 1}
        assert values["priorityClassName"] == "system-cluster-critical"
        assert values["resources"]["requests"]


def test_the_controller_needs_no_instance_metadata(template: Template) -> None:
    values = _values(template, CONTROLLER)
    assert values["region"] == DEV.region
    assert values["vpcId"] == "<reference>"
    assert _values(template, "cluster-autoscaler")["awsRegion"] == DEV.region


def test_webhooks_survive_upgrades_and_stay_out_of_the_way_of_services(template: Template) -> None:
    values = _values(template, CONTROLLER)
    assert values["keepTLSSecret"] is True
    assert values["enableServiceMutatorWebhook"] is False


def test_load_balancers_log_to_a_bucket_that_they_can_write_to(template: Template) -> None:
    attributes = {
        a["key"]: a["value"]
        for a in _values(template, CONTROLLER)["ingressClassParams"]["spec"][
            "loadBalancerAttributes"
        ]
    }
    assert attributes["access_logs.s3.enabled"] == "true"
    assert attributes["access_logs.s3.bucket"] == "<reference>"
    bucket = template.only("AWS::S3::Bucket")
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    # Elastic Load Balancing can't deliver to a bucket with a KMS key.
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (expiry,) = bucket["LifecycleConfiguration"]["Rules"]
    assert expiry["ExpirationInDays"] == with_all_parts(DEV).platform.access_log_days
    deny, allow = template.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Action"] == "s3:PutObject"
    assert allow["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert str(allow["Resource"]).count(f"/AWSLogs/{DEV.account}/*") == 1


def test_what_the_controller_makes_is_told_apart_in_a_bill(synthesis: Synthesis) -> None:
    for environment in TABLE.environments:
        values = _values(synthesis.template(environment.name, "Platform"), CONTROLLER)
        assert values["defaultTags"] == environment.tags


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Synthesis:
    """An environment that isn't there yet, and so holds no logs that would be lost: lab."""
    lab = named(with_all_parts(DEV), "lab")
    lab = replace(lab, platform=replace(lab.platform, **request.param))
    return Synthesis(replace(TABLE, environments=(lab,)), tmp_path)


@pytest.mark.parametrize("other", [{"access_log_days": 0}], indirect=True)
def test_without_days_there_are_no_logs(other: Synthesis) -> None:
    template = other.template("lab", "Platform")
    assert not template.resources("AWS::S3::Bucket")
    assert "access_logs" not in template.text


def _web(synthesis: Synthesis) -> dict[str, Any]:
    items = manifests(synthesis.template("lab", "Workloads"))
    (ingress,) = (item for item in items if item["kind"] == "Ingress")
    return ingress


@pytest.mark.parametrize("other", [{"domain": None}], indirect=True)
def test_without_a_domain_nobody_outside_is_let_in(other: Synthesis) -> None:
    assert not other.template("lab", "Platform").resources("AWS::CertificateManager::Certificate")
    ingress = _web(other)
    annotations = ingress["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/scheme"] == "internal"
    assert "host" not in ingress["spec"]["rules"][0]


@pytest.mark.parametrize(
    "other",
    [{"domain": Domain(name="dev.example.com", hosted_zone_id="Z0123456789")}],
    indirect=True,
)
def test_a_domain_gets_a_certificate_and_is_served_by_https_alone(other: Synthesis) -> None:
    certificate = other.template("lab", "Platform").only("AWS::CertificateManager::Certificate")
    assert certificate["DomainName"] == "dev.example.com"
    assert certificate["ValidationMethod"] == "DNS"
    assert certificate["DomainValidationOptions"] == [
        {"DomainName": "dev.example.com", "HostedZoneId": "Z0123456789"}
    ]
    ingress = _web(other)
    prefix = "alb.ingress.kubernetes.io/"
    annotations = ingress["metadata"]["annotations"]
    assert annotations[f"{prefix}scheme"] == "internet-facing"
    assert annotations[f"{prefix}ssl-redirect"] == "443"
    assert annotations[f"{prefix}certificate-arn"] == "<reference>"
    assert "TLS13" in annotations[f"{prefix}ssl-policy"]
    assert ingress["spec"]["rules"][0]["host"] == "dev.example.com"
