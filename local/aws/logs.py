"""CloudWatch Logs: a log group's properties are all kept, what is not is refused."""

from local.aws.resource_types import restrict, set_create_only


def install() -> None:
    restrict(
        "AWS::Logs::LogGroup",
        "KmsKeyId LogGroupClass LogGroupName ResourcePolicyDocument RetentionInDays Tags",
    )
    set_create_only({"AWS::Logs::LogGroup": "LogGroupName"})
