"""What all stacks of an environment share."""

from aws_cdk import Stack
from constructs import Construct

from config.model import Environment


class EnvironmentStack(Stack):
    """A stack whose tags CloudFormation hands on to all that it makes, kept where that is asked."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(
            scope, id, termination_protection=config.deletion_protection, tags=config.tags
        )
