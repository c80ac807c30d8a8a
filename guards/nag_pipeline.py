"""What cdk-nag says against the pipeline's stack, and why each thing stays."""

from collections.abc import Sequence

from guards.nag import Acknowledged

_ANY = r"(Delivery|Checks|PullRequests)/.*"

IN_PIPELINE: Sequence[Acknowledged] = (
    Acknowledged(
        "S1",
        "Delivery/Artifacts/Bucket/Resource",
        "",
        "only the pipeline's roles get in, and CodePipeline itself lists what they did",
    ),
    *(
        Acknowledged("IAM5", _ANY, f"Action::{action}", "CDK's grant on the one bucket and its key")
        for action in (
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
            "s3:Abort*",
            "s3:DeleteObject*",
            "s3:GetBucket*",
            "s3:GetObject*",
            "s3:List*",
        )
    ),
    Acknowledged(
        "IAM5", _ANY, "<DeliveryArtifactsBucket", "artifacts, whose names CodePipeline makes up"
    ),
    Acknowledged(
        "IAM5", _ANY, ":log-group:/aws/codebuild/", "CDK's own: the streams of a project's group"
    ),
    Acknowledged("IAM5", _ANY, ":report-group/", "CDK's own: reports, named after the project"),
    Acknowledged(
        "IAM5",
        "Delivery/Pipeline/UpdatePipeline/.*",
        ":role/*",
        "CDK's own: a tag's condition keeps it to bootstrap's roles in this account",
    ),
    Acknowledged(
        "IAM5",
        "Delivery/Pipeline/UpdatePipeline/.*",
        "Resource::*",
        "CDK's own: the CLI lists stacks and buckets before it deploys",
    ),
    Acknowledged(
        "IAM5",
        "Delivery/Pipeline/Assets/.*",
        "Resource::*",
        "CDK's own, on CodeBuild's log groups, whose names it can't know",
    ),
)
