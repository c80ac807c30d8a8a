"""CodeConnections: connections that a person made and confirmed, and whether a role may use one.

Cloning from a provider is nobody's part here: a rehearsal's source is the clone that it runs in.
"""

import json
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.routing import serve

connections = internals.module("core.responses").AccountRegionScopedDict()
"""Connections by ARN."""


def install() -> None:
    serve(
        "codeconnections",
        ["com.amazonaws.codeconnections.CodeConnections_20231201", "CodeConnections_20231201"],
        _handle,
    )


def _handle(action: str, body: bytes, _key: str) -> responses.Response:
    given = json.loads(body or b"{}")
    if action == "GetConnection":
        found = connections.get(given["ConnectionArn"])
        if found is None:
            said = f"Connection not found: {given['ConnectionArn']}"
            return responses.refusal(400, "ResourceNotFoundException", said)
        return responses.answer({"Connection": found})
    if action == "ListConnections":
        return responses.answer({"Connections": list(connections.values())})
    return responses.refusal(400, "InvalidAction", f"CodeConnections {action} is not emulated.")


def confirm(arn: str, repository: str) -> Mapping[str, Any]:
    """Keep a connection as one that a person made and confirmed."""
    connections[arn] = {
        "ConnectionName": repository.partition("/")[0],
        "ConnectionArn": arn,
        "ProviderType": "GitHub",
        "OwnerAccountId": internals.account(),
        "ConnectionStatus": "AVAILABLE",
    }
    record: Mapping[str, Any] = connections[arn]
    return record
