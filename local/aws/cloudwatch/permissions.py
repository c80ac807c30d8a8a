"""What IAM judges CloudWatch's calls by.

DescribeAlarms by all alarms of the account, as AWS's own refusals name them; PutMetricData by the
metrics' namespace, the condition key `cloudwatch:namespace`.
"""

import json
from collections.abc import Mapping
from urllib.parse import parse_qs

from local.aws import judged


def install() -> None:
    for service in ("cloudwatch", "monitoring"):
        judged.by(service, _resource)
        judged.keyed(service, _keys)


def _resource(call: judged.Call) -> str | None:
    if call.action != "DescribeAlarms":
        return None
    return f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:*"


def _keys(action: str, body: bytes) -> Mapping[str, str]:
    if action != "PutMetricData":
        return {}
    text = body.decode()
    # Clients speak JSON or, older ones, forms.
    if text.startswith("{"):
        namespace = json.loads(text).get("Namespace", "")
    else:
        (namespace,) = parse_qs(text).get("Namespace", [""])
    return {"cloudwatch:namespace": namespace}
