"""What a pull request must pass before it is read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_codebuild, aws_iam, aws_logs, aws_s3
from constructs import Construct


class PullRequestCheck(Construct):
    """A build of each pull request that may clone and put its report, and nothing else.

    What comes from a fork runs after a comment of somebody who may write to the repository.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        account: str,
        connection_arn: str,
        repository: str,
        branch: str,
        bucket: aws_s3.IBucket,
        key_arn: str,
        log_group: aws_logs.ILogGroup,
        buildspec: Mapping[str, Any],
    ) -> None:
        super().__init__(scope, id)
        role = aws_iam.Role(
            self,
            "Role",
            description="Checks pull requests",
            assumed_by=aws_iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            ),
        )
        bucket.grant_put(role, f"{name}/*")
        # CodeBuild looks whose bucket it is, and where, before it writes there.
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=["s3:GetBucketAcl", "s3:GetBucketLocation"], resources=[bucket.bucket_arn]
            )
        )
        log_group.grant_write(role)
        # Its permissions are named as its ARN is: older connections are codestar-connections.
        service = connection_arn.split(":")[2]
        role.add_to_policy(
            aws_iam.PolicyStatement(
                actions=[
                    f"{service}:GetConnection",
                    f"{service}:GetConnectionToken",
                    "codeconnections:UseConnection",
                    "codestar-connections:UseConnection",
                ],
                resources=[connection_arn],
            )
        )
        project = aws_codebuild.CfnProject
        made = project(
            self,
            "Resource",
            name=name,
            service_role=role.role_arn,
            timeout_in_minutes=30,
            encryption_key=key_arn,
            environment=project.EnvironmentProperty(
                type="LINUX_CONTAINER",
                # Runs the checks of the pipeline's synthesis, and needs as much memory.
                compute_type="BUILD_GENERAL1_MEDIUM",
                image="aws/codebuild/standard:7.0",
            ),
            source=project.SourceProperty(
                type="GITHUB",
                location=f"https://github.com/{repository}.git",
                auth=project.SourceAuthProperty(type="CODECONNECTIONS", resource=connection_arn),
                # With what it is compared to.
                git_clone_depth=0,
                build_spec=_text(buildspec),
                report_build_status=True,
            ),
            artifacts=project.ArtifactsProperty(
                type="S3",
                location=bucket.bucket_name,
                path=name,
                name="report",
                namespace_type="BUILD_ID",
                packaging="NONE",
            ),
            logs_config=project.LogsConfigProperty(
                cloud_watch_logs=project.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=log_group.log_group_name
                )
            ),
            triggers=project.ProjectTriggersProperty(
                webhook=True,
                filter_groups=_groups(branch),
                pull_request_build_policy=project.PullRequestBuildPolicyProperty(
                    requires_comment_approval="FORK_PULL_REQUESTS"
                ),
            ),
        )
        # CodeBuild tries the connection as the role when the project is made.
        made.node.add_dependency(role)


def _groups(branch: str) -> Sequence[Sequence[aws_codebuild.CfnProject.WebhookFilterProperty]]:
    events = "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED, PULL_REQUEST_REOPENED"
    return [
        [
            aws_codebuild.CfnProject.WebhookFilterProperty(type="EVENT", pattern=events),
            aws_codebuild.CfnProject.WebhookFilterProperty(
                type="BASE_REF", pattern=f"^refs/heads/{branch}$"
            ),
        ]
    ]


def _text(buildspec: Mapping[str, Any]) -> str:
    return json.dumps(buildspec, indent=1)
