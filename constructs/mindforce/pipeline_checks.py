"""The role by which a pipeline looks at what it deployed."""

from collections.abc import Sequence

from aws_cdk import aws_iam, aws_s3
from constructs import Construct


class ChecksRole(Construct):
    """A role of CodeBuild's that may assume a list of roles, and deploys nothing."""

    def __init__(
        self, scope: Construct, id: str, *, name: str, account: str, role_arns: Sequence[str]
    ) -> None:
        super().__init__(scope, id)
        self.role = aws_iam.Role(
            self,
            "Role",
            # Named, because the roles in other accounts trust it by its name.
            role_name=name,
            description="Looks at what the pipeline deployed",
            assumed_by=aws_iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            ),
        )
        self.role.add_to_policy(
            aws_iam.PolicyStatement(actions=["sts:AssumeRole"], resources=list(role_arns))
        )

    def let_write(self, bucket: aws_s3.IBucket, pattern: str) -> None:
        """Let it put objects of these names into a bucket."""
        bucket.grant_put(self.role, pattern)

    def let(self, statement: aws_iam.PolicyStatement) -> None:
        """Let it do what a statement says."""
        self.role.add_to_policy(statement)
