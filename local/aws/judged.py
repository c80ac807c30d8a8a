"""What IAM judges a call by, for the services of which MiniStack doesn't know it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.aws import internals


@dataclass(frozen=True)
class Call:
    """A request to a service, as it came."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: dict[str, Any]
    region: str
    account: str

    @property
    def action(self) -> str:
        """What IAM calls it, such as "DescribeAlarms"."""
        actions = internals.module("core.iam_actions")
        words = (self.service, self.method, self.path, self.headers, self.body, self.query)
        return str(actions.extract_iam_action(*words)).partition(":")[2]

    def arn(self, resource: str) -> str:
        """Return the ARN of a resource of the caller's, such as "alarm:*"."""
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{resource}"


def by(service: str, resource: Callable[[Call], str | None]) -> None:
    """Judge the calls of a service by the ARN that `resource` returns, or, if None, as before."""

    def make(stock: Any) -> Any:
        def extract(name: str, *words: Any) -> str:
            found = resource(Call(name, *words)) if name == service else None
            return str(stock(name, *words)) if found is None else found

        return extract

    internals.replace(internals.module("core.iam_actions"), "extract_resource_arn", make)


def tagged(service: str, tags: Callable[[], Any]) -> None:
    """Let policies see the tags of a service's resources: pairs of an ARN and its tags."""
    collectors = internals.member(internals.module("services.tagging"), "_RESOURCE_TAG_COLLECTORS")
    collectors[service] = tags


def keyed(service: str, keys: Callable[[str, bytes], Mapping[str, str]]) -> None:
    """Let conditions see keys of a service's own: `keys` has them from an action and its body."""

    def make(stock: Any) -> Any:
        def context(name: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
            found = keys(action.partition(":")[2], body) if name == service else {}
            return {**stock(name, action, body, params), **found}

        return context

    internals.replace(internals.module("core.iam_actions"), "request_tag_context", make)
