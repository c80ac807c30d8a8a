"""GuardDuty: one detector a region, with what its settings say. It finds nothing here."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from local.aws import internals, responses

Record = dict[str, Any]

_SETTINGS = {"enable", "findingPublishingFrequency", "dataSources", "features"}
_FREQUENCIES = {"FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"}

_detectors: dict[tuple[str, str], dict[str, Record]] = {}


def install() -> None:
    # Their actions are known from botocore's model, as those of MiniStack's own services.
    actions = internals.module("core.iam_actions")
    internals.member(actions, "SERVICE_TO_IAM_NAMESPACE")["guardduty"] = "guardduty"
    internals.member(actions, "_BOTOCORE_SERVICE_MAP")["guardduty"] = ["guardduty"]
    internals.member(internals.module("app"), "SERVICE_HANDLERS")["guardduty"] = _handle


async def _handle(
    method: str, path: str, _headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> responses.Response:
    here = _detectors.setdefault((internals.account(), internals.region()), {})
    content: Record = json.loads(body or b"{}")
    one = re.fullmatch(r"/detector/([0-9a-f]{32})", path)
    tags = re.fullmatch(r"/tags/(.+)", unquote(path))
    if path == "/detector" and method == "GET":
        return responses.answer({"detectorIds": list(here)})
    if path == "/detector" and method == "POST":
        return _create(here, content)
    if one and one[1] not in here:
        return _refused("The request is rejected because the detectorId is not owned by you.")
    if one and method == "GET":
        return responses.answer(here[one[1]])
    if one and method == "POST":
        return _update(here[one[1]], content)
    if one and method == "DELETE":
        del here[one[1]]
        return responses.answer({})
    if tags:
        return _tags(here, tags[1].rpartition("/")[2], method, content, query)
    return _refused(f"GuardDuty's {method} {path} is not emulated.")


def _create(here: dict[str, Record], content: Record) -> responses.Response:
    if here:
        return _refused("The request is rejected because a detector already exists.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    service = f"arn:aws:iam::{internals.account()}:role/aws-service-role/guardduty.amazonaws.com"
    record = {
        "createdAt": now,
        "updatedAt": now,
        "status": "DISABLED",
        "findingPublishingFrequency": "SIX_HOURS",
        "serviceRole": f"{service}/AWSServiceRoleForAmazonGuardDuty",
        "features": [],
        "dataSources": _NO_SOURCES,
        "tags": content.pop("tags", {}),
    }
    content.pop("clientToken", None)
    refused = _update(record, content)
    if refused[0] != 200:
        return refused
    identifier = str(internals.module("core.responses").new_uuid()).replace("-", "")
    here[identifier] = record
    return responses.answer({"detectorId": identifier})


_OFF = {"status": "DISABLED"}
_NO_SOURCES = {
    "cloudTrail": {"status": "ENABLED"},
    "dNSLogs": {"status": "ENABLED"},
    "flowLogs": {"status": "ENABLED"},
    "s3Logs": _OFF,
    "kubernetes": {"auditLogs": _OFF},
    "malwareProtection": {"scanEc2InstanceWithFindings": {"ebsVolumes": _OFF}},
}


def _update(record: Record, content: Record) -> responses.Response:
    unknown = sorted(set(content) - _SETTINGS) or [
        name for name in ("dataSources", "features") if content.get(name)
    ]
    if unknown:
        return _refused(f"GuardDuty's {', '.join(unknown)} is not emulated.")
    frequency = content.get("findingPublishingFrequency", record["findingPublishingFrequency"])
    if frequency not in _FREQUENCIES:
        return _refused(f"findingPublishingFrequency is none of {', '.join(sorted(_FREQUENCIES))}.")
    record["findingPublishingFrequency"] = frequency
    if "enable" in content:
        record["status"] = "ENABLED" if content["enable"] else "DISABLED"
    return responses.answer({})


def _tags(
    here: dict[str, Record], identifier: str, method: str, content: Record, query: Mapping[str, Any]
) -> responses.Response:
    if identifier not in here:
        return _refused("The request is rejected because the resource doesn't exist.")
    record = here[identifier]
    if method == "POST":
        record["tags"] = {**record["tags"], **content["tags"]}
    elif method == "DELETE":
        gone = query.get("tagKeys", [])
        record["tags"] = {k: v for k, v in record["tags"].items() if k not in gone}
    else:
        return responses.answer({"tags": record["tags"]})
    return responses.answer({})


def _refused(message: str) -> responses.Response:
    return responses.refusal(400, "BadRequestException", message)
