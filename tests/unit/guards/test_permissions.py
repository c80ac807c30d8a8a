"""Whatever broadens who may do what is told, and nothing that doesn't."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.environments import TABLE
from guards import reviewed
from guards.objects import objects
from guards.permissions import broadened, lines
from guards.synthesis import GOLDEN, templates_in
from tests.synthesis import Synthesis

Change = Callable[[dict[str, Any]], Any]
ROLE = {
    "AssumeRolePolicyDocument": {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}},
            }
        ]
    },
    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    "PermissionsBoundary": "arn:aws:iam::111111111111:policy/boundary",
    "Policies": [
        {
            "PolicyName": "own",
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["s3:GetObject"],
                        "Resource": [{"Fn::GetAtt": ["Bucket", "Arn"]}],
                    },
                    {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
                ]
            },
        }
    ],
}
# As the text that it must be where a condition's key is known by reference only.
TRUST = {
    "Fn::Sub": [
        '{"Statement": [{"Effect": "Allow", "Principal": {"Federated": "${Provider}"}, '
        '"Action": "sts:AssumeRoleWithWebIdentity"}]}',
        {"Provider": {"Ref": "Provider"}},
    ]
}
RULE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}
BLOCK = {"BlockPublicAcls": True, "BlockPublicPolicy": True}


def templates() -> dict[str, Any]:
    pods = [
        {
            "kind": "Role",
            "metadata": {"name": "viewer", "namespace": "web"},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        },
        {
            "kind": "RoleBinding",
            "metadata": {"name": "viewer", "namespace": "web"},
            "roleRef": {"kind": "Role", "name": "viewer"},
            "subjects": [{"kind": "Group", "name": "viewers"}],
        },
        {
            "kind": "NetworkPolicy",
            "metadata": {"name": "out", "namespace": "web"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "web"}},
                "policyTypes": ["Egress"],
                "egress": [
                    {
                        "to": [{"podSelector": {"matchLabels": {"app": "database"}}}],
                        "ports": [{"port": 5432, "protocol": "TCP"}],
                    }
                ],
            },
        },
    ]
    return {
        "dev-Workloads": {
            "Resources": {
                "Role": {"Type": "AWS::IAM::Role", "Properties": ROLE},
                "Pods": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {"AssumeRolePolicyDocument": TRUST},
                },
                "Group": {
                    "Type": "AWS::EC2::SecurityGroup",
                    "Properties": {"SecurityGroupIngress": [RULE], "SecurityGroupEgress": [RULE]},
                },
                "Bucket": {
                    "Type": "AWS::S3::Bucket",
                    "Properties": {"PublicAccessBlockConfiguration": BLOCK},
                },
                "Entry": {
                    "Type": "AWS::EKS::AccessEntry",
                    "Properties": {"KubernetesGroups": ["viewers"], "Tags": []},
                },
                "Charts": {
                    "Type": "Custom::AWSCDK-EKS-KubernetesResource",
                    "Properties": {"Manifest": json.dumps(pods)},
                },
            }
        }
    }


def after(change: Change) -> list[str]:
    new = copy.deepcopy(templates())
    change(new["dev-Workloads"]["Resources"])
    return broadened(lines(templates()), lines(new))


def statement(resources: dict[str, Any], number: int) -> Any:
    (policy,) = resources["Role"]["Properties"]["Policies"]
    return policy["PolicyDocument"]["Statement"][number]


def trust(resources: dict[str, Any]) -> Any:
    return resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]


def manifest(resources: dict[str, Any], change: Callable[[Any], Any]) -> None:
    properties = resources["Charts"]["Properties"]
    items = json.loads(properties["Manifest"])
    change(items)
    properties["Manifest"] = json.dumps(items)


def egress(items: Any) -> Any:
    (rule,) = items[2]["spec"]["egress"]
    return rule


BROADER: dict[str, tuple[Change, str]] = {
    "an action": (
        lambda r: statement(r, 0)["Action"].append("s3:PutObject"),
        "Role allows: s3:PutObject on ${Bucket.Arn}",
    ),
    "any action": (
        lambda r: statement(r, 0).update(Action="*"),
        "Role allows: * on ${Bucket.Arn}",
    ),
    "a resource": (
        lambda r: statement(r, 0)["Resource"].append("arn:aws:s3:::other"),
        "Role allows: s3:GetObject on ${Bucket.Arn}, arn:aws:s3:::other",
    ),
    "all actions but some": (
        lambda r: statement(r, 0).update(NotAction=statement(r, 0).pop("Action")),
        "Role allows: all but s3:GetObject on ${Bucket.Arn}",
    ),
    "all resources but some": (
        lambda r: statement(r, 0).update(NotResource=statement(r, 0).pop("Resource")),
        "Role allows: s3:GetObject on all but ${Bucket.Arn}",
    ),
    "a condition gone": (
        lambda r: trust(r).pop("Condition"),
        "Role allows: Service=pods.eks.amazonaws.com sts:AssumeRole",
    ),
    "a denial gone": (
        lambda r: statement(r, 1).update(Resource="arn:aws:s3:::one"),
        "no longer: dev-Workloads Role denies: s3:DeleteObject on *",
    ),
    "another who may assume": (
        lambda r: trust(r).update(Principal={"AWS": "arn:aws:iam::999999999999:root"}),
        "Role allows: AWS=arn:aws:iam::999999999999:root sts:AssumeRole if",
    ),
    "anybody in a trust that is text": (
        lambda r: r["Pods"]["Properties"]["AssumeRolePolicyDocument"]["Fn::Sub"][1].update(
            Provider="*"
        ),
        "Pods allows: Federated=* sts:AssumeRoleWithWebIdentity",
    ),
    "a managed policy": (
        lambda r: r["Role"]["Properties"].update(ManagedPolicyArns=["AdministratorAccess"]),
        "Role allows: ManagedPolicyArns AdministratorAccess",
    ),
    "a boundary gone": (
        lambda r: r["Role"]["Properties"].pop("PermissionsBoundary"),
        "no longer: dev-Workloads Role denies: PermissionsBoundary arn:aws:iam::111111111111:",
    ),
    "a policy of another resource": (
        lambda r: r.update(
            Queue={
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "PolicyDocument": {
                        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}
                    }
                },
            }
        ),
        "Queue allows: * sqs:*",
    ),
    "addresses": (
        lambda r: r["Group"]["Properties"].update(
            SecurityGroupIngress=[RULE, {**RULE, "CidrIp": "0.0.0.0/0"}]
        ),
        "Group allows: SecurityGroupIngress CidrIp=0.0.0.0/0, FromPort=443",
    ),
    "all addresses, by leaving a list away": (
        lambda r: r["Group"]["Properties"].pop("SecurityGroupEgress"),
        "Group allows: SecurityGroupEgress to everywhere",
    ),
    "a bucket's block on what is public": (
        lambda r: r["Bucket"]["Properties"].pop("PublicAccessBlockConfiguration"),
        "no longer: dev-Workloads Bucket denies: PublicAccessBlockConfiguration",
    ),
    "a group in a cluster": (
        lambda r: r["Entry"]["Properties"].update(KubernetesGroups=["system:masters"]),
        "Entry allows: AWS::EKS::AccessEntry KubernetesGroups=[system:masters]",
    ),
    "a verb in a namespace": (
        lambda r: manifest(r, lambda items: items[0]["rules"][0]["verbs"].append("delete")),
        "Role web/viewer allows: apiGroups=[], resources=[pods], verbs=[get, delete]",
    ),
    "another in a binding": (
        lambda r: manifest(r, lambda items: items[1]["subjects"].append({"name": "all"})),
        "RoleBinding web/viewer allows: Role viewer to name=all",
    ),
    "a port of a policy's": (
        lambda r: manifest(r, lambda items: egress(items)["ports"].append({"port": 22})),
        "NetworkPolicy web/out allows: Egress of app=web to app=database on TCP 22",
    ),
    "everybody, by leaving a policy's peers away": (
        lambda r: manifest(r, lambda items: egress(items).pop("to")),
        "NetworkPolicy web/out allows: Egress of app=web to everybody on TCP 5432",
    ),
    "a policy gone, which closed what it didn't open": (
        lambda r: manifest(r, lambda items: items.pop()),
        "no longer: dev-Workloads NetworkPolicy web/out denies: all other Egress of app=web",
    ),
}


@pytest.mark.parametrize("what", BROADER)
def test_what_is_broader_is_told(what: str) -> None:
    change, said = BROADER[what]
    assert any(said in line for line in after(change)), after(change)


NARROWER: dict[str, Change] = {
    "nothing": lambda r: None,
    "an action less": lambda r: trust(r)["Action"].pop(),
    "a role less": lambda r: r.pop("Pods"),
    "a denial more": lambda r: statement(r, 1).update(Action=["s3:DeleteObject", "s3:Put*"]),
    "another order": lambda r: r.update(reversed(list(r.items()))),
    "a verb's role less": lambda r: manifest(r, lambda items: items.pop(1)),
    "a flow less": lambda r: manifest(r, lambda items: items[2]["spec"].update(egress=[])),
    "other tags": lambda r: r["Entry"]["Properties"].update(Tags=[{"Key": "a", "Value": "b"}]),
}


@pytest.mark.parametrize("what", NARROWER)
def test_what_is_not_broader_is_not(what: str) -> None:
    assert after(NARROWER[what]) == []


@pytest.fixture
def assembly(synthesis: Synthesis, tmp_path: Path) -> Path:
    """A cloud assembly that a test may change."""
    copied = tmp_path / "cdk.out"
    shutil.copytree(synthesis.folder, copied, ignore=shutil.ignore_patterns("asset.*"))
    return copied


def test_a_synthesis_as_it_was_reviewed_passes(assembly: Path) -> None:
    assert reviewed.main([str(assembly)]) == 0


def test_a_synthesis_that_allows_more_is_refused_and_says_what(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = (assembly / "assembly-stage").glob("*Backup*.template.json")
    template = json.loads(file.read_text())
    name, role = next(
        (name, one)
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::IAM::Role" and one["Properties"].get("Policies")
    )
    policy = role["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"].append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})
    file.write_text(json.dumps(template))
    assert reviewed.main([str(assembly)]) == 1
    said = capsys.readouterr().err
    assert f"  stage: stage-Backup {name} allows: iam:PassRole on *\n" in said
    assert "dev: " not in said
    assert "'make snapshots' writes them" in said


def test_an_account_that_nobody_has_reviewed_is_refused(assembly: Path, tmp_path: Path) -> None:
    found = list(reviewed.problems(assembly, tmp_path / "nothing"))
    assert {one.partition(":")[0] for one in found} >= {"dev", "stage", "prod"}


def test_nothing_that_permits_is_overlooked() -> None:
    """Every role, policy, group and binding of the environments has a line of its own."""
    kinds = ("AWS::IAM::", "Policy", "AWS::EC2::SecurityGroup", "AWS::EKS::AccessEntry")
    for environment, found in templates_in(GOLDEN).items():
        holders = {line.split()[1] for line in lines(found)}
        for template in found.values():
            for name, resource in template["Resources"].items():
                if any(kind in resource["Type"] for kind in kinds):
                    assert name in holders or "OIDCProvider" in resource["Type"], name
        permitting = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "NetworkPolicy")
        bound = [item for _, item in objects(found) if item["kind"] in permitting]
        if environment != TABLE.tooling.name:
            assert {item["kind"] for item in bound} == set(permitting), environment
        text = "\n".join(lines(found))
        assert all(item["metadata"]["name"] in text for item in bound)
