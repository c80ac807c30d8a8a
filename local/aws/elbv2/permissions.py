"""What IAM judges an ELBv2 call by: its resource, that resource's tags, the tags it asks for."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.aws import internals
from local.aws.elbv2.service import elbv2, parameter

SERVICE = "elasticloadbalancing"

_NAMED = {"CreateLoadBalancer": "loadbalancer", "CreateTargetGroup": "targetgroup"}
_FOLDERS = {"network": "net"}
_ADDRESSED = {
    "AddTags": "ResourceArns.member.1",
    "RemoveTags": "ResourceArns.member.1",
    "ModifyRule": "RuleArn",
    "DeleteRule": "RuleArn",
    "SetRulePriorities": "RulePriorities.member.1.RuleArn",
}


def install() -> None:
    actions = internals.module("core.iam_actions")
    internals.replace(actions, "extract_resource_arn", _resource)
    # MiniStack looks for the tags of a request where botocore's model has them.
    internals.member(actions, "_BOTOCORE_SERVICE_MAP")[SERVICE] = ["elbv2"]
    collectors = internals.member(internals.module("services.tagging"), "_RESOURCE_TAG_COLLECTORS")
    collectors[SERVICE] = _tagged


def _resource(stock: Any) -> Any:
    def resource(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        if service != SERVICE:
            return str(stock(service, method, path, headers, body, query, region, account))
        action = parameter(query, "Action")
        if action.startswith("Describe"):
            return "*"
        if action in _NAMED:
            kind = _NAMED[action]
            if kind == "loadbalancer":
                kind += f"/{_FOLDERS.get(parameter(query, 'Type'), 'app')}"
            name = f"{kind}/{parameter(query, 'Name')}/*"
            return f"arn:aws:{SERVICE}:{region}:{account}:{name}"
        if action in _ADDRESSED:
            return parameter(query, _ADDRESSED[action])
        return str(stock(service, method, path, headers, body, query, region, account))

    return resource


def _tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    yield from elbv2()._tags.items()
