"""What the parts of ECR share: its errors, its stores by account and region, its actions."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.aws import internals, responses

Record = dict[str, Any]
Action = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class EcrError(ValueError):
    """ECR refuses a call; `code` is the error code a client sees."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message

    @property
    def response(self) -> responses.Response:
        return responses.refusal(400, self.code, self.message)


def store() -> Any:
    """An empty store that each account and region has its own part of."""
    return internals.module("core.responses").AccountRegionScopedDict()


def refuse_unknown(call: str, body: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse request members that nothing here would read."""
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise EcrError("InvalidParameterException", f"{call} {', '.join(unknown)} is not emulated.")


def call(action: Action, body: bytes | str) -> responses.Response:
    return responses.answer(action(json.loads(body or b"{}")))
