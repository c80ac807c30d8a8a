"""Whoever may use what is encrypted may use its key."""

import copy
from typing import Any

import pytest

from guards.assembly import exports, references, resources
from tests.keys import Environment
from tests.permissions import listed
from tests.synthesis import Synthesis

ROOT = {"AWS": "arn:aws:iam::111111111111:root"}
CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def role(*statements: Any) -> dict[str, Any]:
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": list(statements)}}
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}}


def key(*statements: Any) -> dict[str, Any]:
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": list(statements)}}}


def reference(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def problems(resources: Any) -> list[str]:
    return list(Environment({"dev-One": {"Resources": resources}}).problems())


SECRET = {"Type": "AWS::SecretsManager::Secret", "Properties": {"KmsKeyId": reference("Key")}}
READ = allow("secretsmanager:GetSecretValue", resource={"Ref": "Secret"})
DECRYPT = allow("kms:Decrypt", resource=reference("Key"))
DELEGATED = allow("kms:*", Principal=ROOT)


def test_every_role_has_every_key_that_it_needs(synthesis: Synthesis) -> None:
    for environment, templates in synthesis.templates().items():
        found = Environment(templates)
        kinds = {thing.kind for thing in found.encrypted()}
        assert {"AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::EKS::Cluster"} <= kinds
        assert list(found.problems()) == [], environment


def test_velero_may_use_the_key_of_the_volumes_that_it_brings_back(synthesis: Synthesis) -> None:
    """A StorageClass names that key, in a manifest, where no type of CloudFormation does."""
    for environment, templates in synthesis.templates().items():
        known = exports(templates)
        (policy,) = (
            resource["Properties"]
            for _, _, resource in resources(templates)
            if resource.get("Properties", {}).get("PolicyName") == "Volumes"
        )
        statements = policy["PolicyDocument"]["Statement"]
        stack = f"{environment}-Platform"
        ((where, name),) = {
            key for one in statements for key in references(one["Resource"], stack, known)
        }
        key = templates[where]["Resources"][name]["Properties"]
        assert key["Description"].startswith("Disks of nodes")
        actions = {action for one in statements for action in listed(one["Action"])}
        assert actions >= {"kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"}
        ((where, name),) = references(policy["Roles"], stack, known)
        assert "ec2:CreateVolume" in str(templates[where]["Resources"][name])


def test_the_backup_role_without_its_key_is_found(synthesis: Synthesis) -> None:
    templates = copy.deepcopy(dict(synthesis.templates()["dev"]))
    (holder,) = (
        r["Properties"]
        for r in templates["dev-Backup"]["Resources"].values()
        if r["Type"] == "AWS::IAM::Role"
    )
    statements = holder["Policies"][0]["PolicyDocument"]["Statement"]
    statements[:] = [s for s in statements if "kms:Decrypt" not in s["Action"]]
    found = list(Environment(templates).problems())
    assert any("may s3:GetObject BackupsBucket" in p and "kms:Decrypt" in p for p in found)
    assert any("may s3:PutObject BackupsBucket" in p for p in found)


@pytest.mark.parametrize(
    ("reader", "policy", "missing"),
    [
        (role(READ, DECRYPT), [DELEGATED], []),
        (role(READ), [DELEGATED], ["kms:Decrypt"]),
        (role(READ, allow("kms:Decrypt", resource=reference("Other"))), [DELEGATED], ["Decrypt"]),
        (role(READ, DECRYPT), [], ["kms:Decrypt"]),
        (role(READ), [allow("kms:Decrypt", Principal={"AWS": reference("Reader")})], []),
        (role(allow("secretsmanager:Get*")), [DELEGATED], ["kms:Decrypt"]),
        (role(allow("secretsmanager:DescribeSecret", resource={"Ref": "Secret"})), [], []),
    ],
)
def test_a_reader_needs_the_key_and_the_key_the_reader(
    reader: Any, policy: list[Any], missing: list[str]
) -> None:
    found = problems({"Secret": SECRET, "Key": key(*policy), "Other": key(), "Reader": reader})
    assert len(found) == len(missing)
    for sentence, action in zip(found, missing, strict=True):
        assert action in sentence
        assert sentence.startswith("Reader may secretsmanager:GetSecretValue Secret, and lacks")


def test_a_policy_of_another_stack_counts() -> None:
    output = {"Value": reference("Key"), "Export": {"Name": "dev-One:Key"}}
    policy = allow("kms:Decrypt", resource={"Fn::ImportValue": "dev-One:Key"})
    document = {"PolicyDocument": {"Statement": [policy]}, "Roles": [{"Ref": "Reader"}]}
    one = {"Secret": SECRET, "Key": key(DELEGATED)}
    secret = {"Value": {"Ref": "Secret"}, "Export": {"Name": "dev-One:Secret"}}
    read = allow("secretsmanager:GetSecretValue", resource={"Fn::ImportValue": "dev-One:Secret"})
    two = {"Reader": role(read), "Policy": {"Type": "AWS::IAM::Policy", "Properties": document}}
    stacks = {
        "dev-One": {"Resources": one, "Outputs": {"Key": output, "Secret": secret}},
        "dev-Two": {"Resources": two},
    }
    assert list(Environment(stacks).problems()) == []
    del two["Policy"]
    assert len(list(Environment(stacks).problems())) == 1


@pytest.mark.parametrize(
    ("resources", "service", "actions"),
    [
        (
            {
                "Topic": {
                    "Type": "AWS::SNS::Topic",
                    "Properties": {"KmsMasterKeyId": {"Ref": "Key"}},
                },
                "Alarm": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Properties": {"AlarmActions": [{"Ref": "Topic"}]},
                },
            },
            CLOUDWATCH,
            ["kms:Decrypt", "kms:GenerateDataKey*"],
        ),
        (
            {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": {"Ref": "Key"}}}},
            {"Service": "logs.eu-central-1.amazonaws.com"},
            ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
        ),
        (
            {
                "Nodes": {
                    "Type": "AWS::EC2::LaunchTemplate",
                    "Properties": {
                        "LaunchTemplateData": {
                            "BlockDeviceMappings": [{"Ebs": {"KmsKeyId": {"Ref": "Key"}}}]
                        }
                    },
                }
            },
            {"AWS": "arn:aws:iam::1:role/aws-service-role/x/AWSServiceRoleForAutoScaling"},
            ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey*"],
        ),
    ],
)
def test_a_key_names_the_service_that_uses_it(
    resources: Any, service: Any, actions: list[str]
) -> None:
    named = allow(*actions, Principal=service)
    assert problems({**resources, "Key": key(DELEGATED, named)}) == []
    assert len(problems({**resources, "Key": key(DELEGATED)})) == len(actions)


@pytest.mark.parametrize(("role", "lacking"), [("AWSServiceRoleForAutoScaling", 0), ("Other", 3)])
def test_a_key_may_name_a_role_by_a_condition(role: str, lacking: int) -> None:
    condition = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::1:role/{role}"}}
    actions = ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"]
    named = allow(*actions, Principal={"AWS": "*"}, Condition=condition)
    mapping = {"BlockDeviceMappings": [{"Ebs": {"KmsKeyId": {"Ref": "Key"}}}]}
    properties = {"LaunchTemplateData": mapping}
    nodes = {"Type": "AWS::EC2::LaunchTemplate", "Properties": properties}
    assert len(problems({"Nodes": nodes, "Key": key(DELEGATED, named)})) == lacking
