"""Answers of MiniStack's service functions, which are (status, headers, body) as on the wire."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias
from xml.sax.saxutils import unescape

Response: TypeAlias = tuple[int, Mapping[str, str], bytes | str]


class ServiceError(ValueError):
    """A service refused a call; its text is the service's own words and error code."""


def body(response: Response) -> str:
    """The text of an answer; raises ServiceError when the service refused."""
    status, _, content = response
    text = content.decode() if isinstance(content, bytes) else content
    if status >= 400:
        raise ServiceError(_reason(text, status))
    return text


def document(response: Response) -> dict[str, Any]:
    """A JSON answer."""
    text = body(response)
    return dict(json.loads(text)) if text else {}


def element(response: Response, tag: str) -> str:
    """The text of the first element of that name in an XML answer."""
    found = re.search(rf"<{tag}>\s*(.*?)\s*</{tag}>", body(response), re.DOTALL)
    if found is None:
        raise ServiceError(f"the answer holds no <{tag}>")
    return unescape(found[1])


def refusal(status: int, code: str, message: str) -> Response:
    """An error answer of a JSON service."""
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    return status, headers, json.dumps({"__type": code, "message": message}).encode()


def answer(content: Mapping[str, Any]) -> Response:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _reason(text: str, status: int) -> str:
    if text.lstrip().startswith("{"):
        error = json.loads(text)
        code = str(error.get("__type") or error.get("code") or status)
        return f"{error.get('message') or error.get('Message')} ({code})"
    found = [re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("Message", "Code")]
    if any(match is None for match in found):
        return f"{text} ({status})"
    message, name = (unescape(match[1]) for match in found if match)
    return f"{message} ({name})"
