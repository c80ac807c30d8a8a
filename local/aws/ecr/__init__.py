"""ECR: pull-through cache rules and the templates of the repositories that they make."""

from typing import Any

from local.aws import internals
from local.aws.ecr import cache_rules, repository_templates
from local.aws.ecr.service import EcrError, call


def install() -> None:
    cache_rules.install()
    repository_templates.install()
    service = internals.module("services.ecr")
    internals.replace(service, "handle_request", _answering)


def _answering(stock: Any) -> Any:
    """ECR's handler with our actions before MiniStack's."""
    actions = {**cache_rules.ACTIONS, **repository_templates.ACTIONS}

    async def handle(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        action = headers.get("x-amz-target", "").split(".")[-1]
        if action not in actions:
            return await stock(method, path, headers, body, query)
        try:
            return call(actions[action], body)
        except EcrError as error:
            return error.response

    return handle
