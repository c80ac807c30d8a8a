"""The topic that alarms go to."""

from collections.abc import Sequence

from aws_cdk import aws_kms, aws_sns
from constructs import Construct

from mindforce.policy import account_decides, document

_PENDING_WINDOW_DAYS = 30


class AlarmTopic(Construct):
    """An encrypted topic that only this account's alarms may publish to, and only by TLS."""

    def __init__(
        self, scope: Construct, id: str, *, account: str, region: str, emails: Sequence[str]
    ) -> None:
        super().__init__(scope, id)
        alarms = {
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:*"},
            },
        }
        # Of the account's own key for SNS, whose policy can't be changed, alarms get no data key.
        key = aws_kms.CfnKey(
            self,
            "Key",
            description="Alarms",
            enable_key_rotation=True,
            pending_window_in_days=_PENDING_WINDOW_DAYS,
            key_policy=document(
                account_decides(account),
                {
                    **alarms,
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                    "Resource": "*",  # this key
                },
            ),
        )
        topic = aws_sns.CfnTopic(
            self,
            "Topic",
            display_name="Alarms",
            kms_master_key_id=key.ref,
            subscription=[{"protocol": "email", "endpoint": email} for email in emails],
        )
        self.arn = topic.ref
        aws_sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[self.arn],
            policy_document=document(
                {**alarms, "Action": "sns:Publish", "Resource": self.arn},
                {
                    "Effect": "Deny",
                    "Principal": "*",  # is refused
                    "Action": "sns:Publish",
                    "Resource": self.arn,
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ),
        )
