"""What the data of volumes is encrypted with in the backup bucket."""

from aws_cdk import RemovalPolicy, aws_secretsmanager
from constructs import Construct

LENGTH = 40
"""Of letters and digits: 238 bits."""


class RepositoryPassword(Construct):
    """A password that nobody has seen, kept as long as what only it opens."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        secret = aws_secretsmanager.CfnSecret(
            self,
            "Resource",
            description="Password of the repository of volumes' data in the backup bucket",
            generate_secret_string=aws_secretsmanager.CfnSecret.GenerateSecretStringProperty(
                exclude_punctuation=True, password_length=LENGTH
            ),
        )
        secret.apply_removal_policy(RemovalPolicy.RETAIN)
        self.arn = secret.attr_id
