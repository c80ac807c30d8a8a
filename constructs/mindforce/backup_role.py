"""The role that backups are made with."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam
from constructs import Construct

from mindforce.backup_bucket import BACKUPS, BackupBucket
from mindforce.policy import document
from mindforce.trust import Trust

# What Velero's AWS plug-in calls (its README, "Set permissions for Velero").
_OBJECTS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
_TAG = "velero.io/backup"
"""What Velero tags its snapshots with."""


class BackupRole(Construct):
    """A role that reads and writes one prefix of a bucket, and handles no snapshots but its own."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        backups: BackupBucket,
        trust: Trust,
        account: str,
        region: str,
        password_arn: str,
    ) -> None:
        super().__init__(scope, id)
        bucket = backups.bucket.bucket_arn
        volumes = f"arn:aws:ec2:{region}:{account}:volume/*"
        snapshots = f"arn:aws:ec2:{region}::snapshot/*"
        statements = [
            _allow(_OBJECTS, f"{bucket}/{BACKUPS}*"),
            _allow(["s3:ListBucket"], bucket, {"StringLike": {"s3:prefix": [f"{BACKUPS}*"]}}),
            _allow(
                ["kms:Decrypt", "kms:GenerateDataKey"],
                backups.key.key_arn,
                # For objects of the bucket, never for what else could be encrypted with its key.
                {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
            ),
            _allow(
                ["ec2:DescribeSnapshots", "ec2:DescribeVolumes"],
                "*",  # EC2 knows no resources for its lists
            ),
            _allow(["ec2:CreateSnapshot", "ec2:CreateVolume"], volumes),
            _allow(
                ["ec2:CreateSnapshot"], snapshots, {"Null": {f"aws:RequestTag/{_TAG}": "false"}}
            ),
            _allow(
                ["ec2:CreateVolume", "ec2:DeleteSnapshot"],
                snapshots,
                {"Null": {f"aws:ResourceTag/{_TAG}": "false"}},
            ),
            _allow(
                ["ec2:CreateTags"],
                [volumes, snapshots],
                {"StringEquals": {"ec2:CreateAction": ["CreateSnapshot", "CreateVolume"]}},
            ),
        ]
        statements.append(
            _allow(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], password_arn)
        )
        role = aws_iam.CfnRole(
            self,
            "Role",
            description="Makes backups, and restores them",
            assume_role_policy_document=document(trust),
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name="Backups", policy_document=document(*statements)
                )
            ],
        )
        self.name = role.ref
        self.arn = role.attr_arn


def _allow(
    actions: Sequence[str],
    resource: str | Sequence[str],
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement
