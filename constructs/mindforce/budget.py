"""What an account may cost."""

from collections.abc import Sequence

from aws_cdk import CfnResource
from constructs import Construct

_WARNINGS = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
"""Percent of the limit."""


class Budget(Construct):
    """A monthly budget of the whole account, with mail before it is spent and when it is."""

    def __init__(
        self, scope: Construct, id: str, *, monthly_usd: int, emails: Sequence[str]
    ) -> None:
        super().__init__(scope, id)
        # Unnamed: changed notifications replace it, and two of one name can't be there at a time.
        CfnResource(
            self,
            "Budget",
            type="AWS::Budgets::Budget",
            properties={
                "Budget": {
                    "BudgetType": "COST",
                    "TimeUnit": "MONTHLY",
                    "BudgetLimit": {"Amount": monthly_usd, "Unit": "USD"},
                },
                "NotificationsWithSubscribers": [
                    {
                        "Notification": {
                            "NotificationType": kind,
                            "ComparisonOperator": "GREATER_THAN",
                            "Threshold": percent,
                            "ThresholdType": "PERCENTAGE",
                        },
                        "Subscribers": [
                            {"SubscriptionType": "EMAIL", "Address": email} for email in emails
                        ],
                    }
                    for kind, percent in _WARNINGS
                ],
            },
        )
