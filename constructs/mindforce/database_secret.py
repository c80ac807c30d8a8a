"""A password that nobody has seen."""

from aws_cdk import aws_secretsmanager
from constructs import Construct

from mindforce.policy import Statement

LENGTH = 40
"""Of letters and digits: 238 bits."""


class DatabaseSecret(Construct):
    """A password that Secrets Manager makes up: no template, manifest or log has it."""

    def __init__(self, scope: Construct, id: str, *, description: str) -> None:
        super().__init__(scope, id)
        secret = aws_secretsmanager.CfnSecret(
            self,
            "Resource",
            description=description,
            generate_secret_string=aws_secretsmanager.CfnSecret.GenerateSecretStringProperty(
                # It goes through shells, SQL and pgpass files.
                exclude_punctuation=True,
                password_length=LENGTH,
            ),
        )
        self.arn = secret.attr_id


def read_statement(*secrets: DatabaseSecret) -> Statement:
    """Return what a role needs to read these passwords."""
    actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    return {"Action": actions, "Resource": [secret.arn for secret in secrets]}
