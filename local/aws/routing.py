"""JSON services that MiniStack doesn't have, put among those that it has."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.aws import internals
from local.aws.responses import Response

Handler = Callable[[str, bytes, str], Response]
"""Gets (action, body, the caller's access key id)."""


def serve(service: str, prefixes: Sequence[str], handle: Handler, *, judged: bool = True) -> None:
    """Answer calls whose X-Amz-Target begins with one of `prefixes`, as IAM lets their callers.

    One that isn't `judged` by IAM is only authenticated, and judges by itself.
    """
    router, app = internals.module("core.router"), internals.module("app")

    async def answer(
        _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query: Any
    ) -> Response:
        action = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        key = str(router.extract_access_key_id(headers, {}) or "")
        return handle(action, body, key)

    internals.member(router, "SERVICE_PATTERNS")[service] = {
        "target_prefixes": list(prefixes),
        "host_patterns": [],
        "credential_scope": service,
    }
    internals.member(app, "SERVICE_HANDLERS")[service] = answer
    if judged:
        names = internals.member(internals.module("core.iam_actions"), "SERVICE_TO_IAM_NAMESPACE")
        names[service] = service
