"""The key that disks are encrypted with."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import RemovalPolicy, aws_kms
from constructs import Construct

from mindforce.policy import Statement, account_decides, document

_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
"""What launching an instance with an encrypted disk calls ("Required AWS KMS key policy for use
with encrypted volumes" in the EC2 Auto Scaling user guide)."""

_FOR_EC2: Mapping[str, Any] = {"Bool": {"kms:GrantIsForAWSResource": "true"}}


class DiskKey(Construct):
    """A key for EBS volumes that rotates and that Auto Scaling can start nodes with."""

    def __init__(
        self, scope: Construct, id: str, *, account: str, description: str, retain: bool
    ) -> None:
        super().__init__(scope, id)
        # Named in a condition, because a key policy can't name as principal what doesn't exist,
        # and Auto Scaling makes its role with the account's first group.
        scaling = f"arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/"
        of_scaling = {"aws:PrincipalArn": f"{scaling}AWSServiceRoleForAutoScaling"}
        key = aws_kms.CfnKey(
            self,
            "Resource",
            description=description,
            enable_key_rotation=True,
            key_policy=document(
                {"Sid": "IAM policies of the account decide", **account_decides(account)},
                {
                    "Sid": "Auto Scaling starts nodes",
                    "Principal": {"AWS": "*"},  # whom the condition names
                    "Action": list(_USE),
                    "Resource": "*",  # this key
                    "Condition": {"ArnEquals": of_scaling},
                },
                {
                    "Sid": "EC2 goes on using the key for them",
                    "Principal": {"AWS": "*"},  # whom the condition names
                    "Action": "kms:CreateGrant",
                    "Resource": "*",  # this key
                    "Condition": {"ArnEquals": of_scaling, **_FOR_EC2},
                },
            ),
        )
        key.apply_removal_policy(RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY)
        self.arn = key.attr_arn

    @property
    def volume_statements(self) -> list[Statement]:
        """What a role needs that makes and attaches volumes with this key.

        Source: "Requirements for Amazon EBS encryption" in the EBS user guide.
        """
        use = [action for action in _USE if action not in ("kms:Encrypt", "kms:GenerateDataKey")]
        return [
            {"Action": use, "Resource": self.arn},
            {"Action": "kms:CreateGrant", "Resource": self.arn, "Condition": _FOR_EC2},
        ]
