"""ELBv2's Query API, called in process."""

from collections.abc import Callable, Iterator
from typing import Any

from local.aws import internals
from local.aws.ec2.service import Parameters
from local.aws.responses import Response

Call = Callable[[Parameters], Response]


def elbv2() -> Any:
    return internals.module("services.alb")


def replace_call(name: str, make: Callable[[Call], Call]) -> None:
    """Put `make(original)` in place of an API call."""
    calls = internals.member(elbv2(), "_ACTION_MAP")
    if name not in calls:
        raise internals.MiniStackChangedError(f"MiniStack should answer ELBv2's {name}.")
    calls[name] = make(calls[name])


def add_call(name: str, call: Call) -> None:
    internals.member(elbv2(), "_ACTION_MAP")[name] = call


def parameter(request: Parameters, name: str) -> str:
    """A request's parameter, empty when it isn't there."""
    return str(elbv2()._p(request, name))


def members(request: Parameters, prefix: str, suffix: str = "") -> Iterator[str]:
    """The values of `prefix.member.1.suffix`, `prefix.member.2.suffix` and so on."""
    number = 1
    ending = f".{suffix}" if suffix else ""
    while value := parameter(request, f"{prefix}.member.{number}{ending}"):
        yield value
        number += 1


def refusal(code: str, message: str) -> Response:
    response: Response = elbv2()._error(code, message)
    return response


def answer(name: str, content: str) -> Response:
    response: Response = elbv2()._xml(200, name, content)
    return response
