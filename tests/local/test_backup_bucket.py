"""The backup bucket that boto3 sees after a deploy, and what Velero's role may do with it."""

import json

from tests.local.machine import Machine


def test_backup_bucket_is_locked_down(dev: Machine) -> None:
    s3 = dev.client("s3")
    (name,) = dev.resources("Backup", "AWS::S3::Bucket")
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert {r["ID"] for r in rules} == {"overwritten", "markers", "dumps"}
    # Nothing but dumps is forgotten before somebody overwrites or deletes it.
    (expires,) = (r for r in rules if "Days" in r.get("Expiration", {}))
    assert expires["Filter"] == {"Prefix": "dumps/"}
    controls = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    (refused,) = (s for s in policy["Statement"] if s.get("Condition") == plain)
    assert (refused["Effect"], refused["Action"]) == ("Deny", "s3:*")
    assert refused["Principal"] in ("*", {"AWS": "*"})
    arn = f"arn:aws:s3:::{name}"
    assert set(refused["Resource"]) == {arn, f"{arn}/*"}


def test_the_backup_role_uses_its_bucket_and_nothing_else(dev: Machine) -> None:
    (bucket,) = dev.resources("Backup", "AWS::S3::Bucket")
    (role,) = dev.resources("Backup", "AWS::IAM::Role")
    # Only pods of the cluster may assume it, so its policies are judged without assuming it.
    iam = dev.client("iam")
    policies = [
        json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    assert policies

    def may(action: str, resource: str, **context: str) -> bool:
        found = iam.simulate_custom_policy(
            PolicyInputList=policies,
            ActionNames=[action],
            ResourceArns=[f"arn:aws:s3:::{resource}"],
            ContextEntries=[
                {
                    "ContextKeyName": f"s3:{key}",
                    "ContextKeyValues": [value],
                    "ContextKeyType": "string",
                }
                for key, value in context.items()
            ],
        )
        return str(found["EvaluationResults"][0]["EvalDecision"]) == "allowed"

    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert may(action, f"{bucket}/velero/backups/one")
        assert not may(action, "another/velero/backups/one")
        # What proves a backup, and what is backed up in another way, isn't Velero's to lose.
        for others in ("database", "dumps", "drills"):
            assert not may(action, f"{bucket}/{others}/one"), f"{action} below {others}/"
    assert may("s3:ListBucket", bucket, prefix="velero/backups/")
    assert not may("s3:ListBucket", bucket, prefix="database/")
    assert not may("s3:ListBucket", bucket)
    assert not may("s3:DeleteBucket", bucket)
