"""What IAM judges DescribeAlarms by: all alarms of the account, as AWS's own refusals name them."""

from local.aws import judged


def install() -> None:
    for service in ("cloudwatch", "monitoring"):
        judged.by(service, _resource)


def _resource(call: judged.Call) -> str | None:
    if call.action != "DescribeAlarms":
        return None
    return f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:*"
