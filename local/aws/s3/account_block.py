"""The account's Block Public Access: S3 Control's calls, and its effect on every bucket."""

import re
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses

_PATH = "/v20180820/configuration/publicAccessBlock"
_SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
# Deletion is the same permission (service authorization reference of Amazon S3).
_ACTIONS = {
    "GET": "s3:GetAccountPublicAccessBlock",
    "PUT": "s3:PutAccountPublicAccessBlock",
    "DELETE": "s3:PutAccountPublicAccessBlock",
}

_blocks: dict[str, dict[str, bool]] = {}


def install() -> None:
    app, s3 = internals.module("app"), internals.module("services.s3")
    internals.replace(app, "_handle_s3_control_request", _with_blocks)
    internals.replace(s3, "_public_access_blocked", _also_blocked)


def _with_blocks(stock: Any) -> Any:
    app, s3 = internals.module("app"), internals.module("services.s3")

    async def handle(
        path: str,
        method: str,
        body: bytes,
        query: Mapping[str, Any],
        request: str,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        if path != _PATH or method not in _ACTIONS:
            return await stock(path, method, body, query, request, headers)
        refused = s3.s3control_account_error(headers or {}) or app._enforce_data_plane(
            "s3", _ACTIONS[method], headers or {}, query, request
        )
        return refused or _answer(method, body)

    return handle


def _answer(method: str, body: bytes) -> responses.Response:
    account = internals.account()
    s3 = internals.module("services.s3")
    if method == "PUT":
        text = body.decode()
        _blocks[account] = {
            name: re.search(rf"<{name}>\s*true\s*</{name}>", text) is not None for name in _SETTINGS
        }
        return 200, {}, b""
    if method == "DELETE":
        _blocks.pop(account, None)
        return 204, {}, b""
    if account not in _blocks:
        missing: responses.Response = s3.s3control_error(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
            404,
        )
        return missing
    settings = "".join(
        f"<{name}>{str(on).lower()}</{name}>" for name, on in _blocks[account].items()
    )
    document = f"<PublicAccessBlockConfiguration>{settings}</PublicAccessBlockConfiguration>"
    return 200, {"Content-Type": "application/xml"}, document.encode()


def _also_blocked(stock: Any) -> Any:
    """A bucket's own settings can only add to its account's."""

    def blocked(account: str, bucket: str, setting: str) -> bool:
        return _blocks.get(account, {}).get(setting, False) or bool(stock(account, bucket, setting))

    return blocked
