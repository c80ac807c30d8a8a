"""A path and what its methods do, for answering requests and for the API's document."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from service.problems import Problem
from service.replies import Reply


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one method of a path does: `run` answers it, the rest is for the API's document."""

    run: Callable[[Request], Awaitable[Reply]]
    summary: str
    identity: str
    """The operationId."""
    answers: Mapping[int, type | None]
    """The body's type by status; problems are named by `problems`."""
    problems: tuple[int, ...] = ()
    body: type | None = None
    query: type | None = None


@dataclass(frozen=True)
class Resource:
    """A path of the API; answers a method that it does not have with 405."""

    template: str
    operations: Mapping[str, Operation]
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The format of each variable in the path."""

    def operation(self, method: str) -> Operation:
        """Return what a method does. Raises Problem: 405."""
        operation = self.operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            allowed = ", ".join(self.operations)
            raise Problem(405, f"This path answers {allowed}.", {"allow": allowed})
        return operation
