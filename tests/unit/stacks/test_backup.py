from typing import Any

import pytest

from config.environments import PROD, TABLE
from tests.synthesis import Synthesis, Template, manifests, plain, references


@pytest.fixture
def template(synthesis: Synthesis) -> Template:
    return synthesis.template("prod", "Backup")


@pytest.fixture
def bucket(template: Template) -> Any:
    return template.only("AWS::S3::Bucket")


def test_bucket_is_private(bucket: Any) -> None:
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (ownership,) = bucket["OwnershipControls"]["Rules"]
    assert ownership["ObjectOwnership"] == "BucketOwnerEnforced"


def test_bucket_is_encrypted_with_a_key_that_rotates(template: Template, bucket: Any) -> None:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert template.only("AWS::KMS::Key")["EnableKeyRotation"] is True


def test_bucket_refuses_plain_http(template: Template) -> None:
    statements = template.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    denied = [s for s in statements if s["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [s["Condition"] for s in denied]


def test_nothing_is_lost_by_overwriting_or_by_deleting_the_stack(template: Template) -> None:
    (bucket,) = template.resources("AWS::S3::Bucket").values()
    (key,) = template.resources("AWS::KMS::Key").values()
    (password,) = template.resources("AWS::SecretsManager::Secret").values()
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    for kept in (bucket, key, password):
        assert kept["DeletionPolicy"] == "Retain"
        assert kept["UpdateReplacePolicy"] == "Retain"


def test_veleros_role_may_use_the_bucket_and_its_key_and_nothing_else(template: Template) -> None:
    (bucket,) = template.resources("AWS::S3::Bucket")
    (key,) = template.resources("AWS::KMS::Key")
    (policy,) = template.only("AWS::IAM::Role")["Policies"]
    by_service: dict[str, set[str]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        (service,) = {action.split(":")[0] for action in statement["Action"]}
        by_service.setdefault(service, set()).update(references(statement["Resource"]))
    (password,) = template.resources("AWS::SecretsManager::Secret")
    assert by_service == {
        "s3": {bucket},
        "kms": {key},
        "ec2": set(),
        "secretsmanager": {password},
    }


def test_velero_reaches_its_own_prefix_and_no_archive_or_dump(
    synthesis: Synthesis, template: Template
) -> None:
    (location,) = (
        item
        for item in manifests(synthesis.template("prod", "Platform"))
        if item["kind"] == "BackupStorageLocation"
    )
    prefix = location["spec"]["objectStorage"]["prefix"]
    (policy,) = template.only("AWS::IAM::Role")["Policies"]
    objects, listing, *others = policy["PolicyDocument"]["Statement"]
    assert "s3:DeleteObject" in objects["Action"]
    assert plain(objects["Resource"]) == f"<reference>/{prefix}/*"
    assert listing["Action"] == ["s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": [f"{prefix}/*"]}}
    assert not any("s3:" in action for statement in others for action in statement["Action"])


def test_only_velero_of_this_cluster_may_assume_the_role(template: Template) -> None:
    (trust,) = template.only("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-arn": f"arn:aws:eks:{PROD.region}:{PROD.account}:cluster/prod",
        "aws:RequestTag/kubernetes-namespace": "velero",
        "aws:RequestTag/kubernetes-service-account": "velero",
    }


def test_only_snapshots_of_velero_are_deleted(template: Template) -> None:
    (policy,) = template.only("AWS::IAM::Role")["Policies"]
    (statement,) = (
        s for s in policy["PolicyDocument"]["Statement"] if "ec2:DeleteSnapshot" in s["Action"]
    )
    assert statement["Condition"] == {"Null": {"aws:ResourceTag/velero.io/backup": "false"}}


def test_dumps_are_forgotten_after_the_configured_days_and_nothing_else_is(
    synthesis: Synthesis,
) -> None:
    bucket = synthesis.template("prod", "Backup").only("AWS::S3::Bucket")
    expiring = [r for r in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in r]
    assert [(r["Prefix"], r["ExpirationInDays"]) for r in expiring] == [
        ("dumps/", PROD.backup.hourly_days)
    ]


def test_overwritten_versions_go_after_the_configured_days(synthesis: Synthesis) -> None:
    days = {}
    for environment in synthesis.environments:
        bucket = synthesis.template(environment, "Backup").only("AWS::S3::Bucket")
        rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
        days[environment] = rules["overwritten"]["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert days == {one.name: one.backup.noncurrent_days for one in TABLE.environments}
