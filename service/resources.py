"""A path and what its methods do, as one ASGI application and as a piece of the API's document."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

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
    media_type: str = "application/json"


@dataclass(frozen=True)
class Resource:
    """A path of the API; answers a method that it does not have with 405."""

    template: str
    operations: Mapping[str, Operation]
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The format of each variable in the path."""

    def route(self) -> Route:
        return Route(self.template, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = self.operations.get(method)
        try:
            if operation is None:
                allowed = ", ".join(self.operations)
                raise Problem(405, f"This path answers {allowed}.", {"allow": allowed})
            reply = await operation.run(Request(scope, receive))
        except Problem as problem:
            reply = problem.reply()
        await reply.send(scope, send)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path that is nobody's."""
    await Problem(404, "There is nothing at this path.").reply().send(scope, send)
