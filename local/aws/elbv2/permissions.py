"""What IAM judges an ELBv2 call by: its resource, that resource's tags, the tags it asks for."""

from collections.abc import Iterator

from local.aws import internals, judged
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
    # MiniStack looks for the tags of a request where botocore's model has them.
    actions = internals.module("core.iam_actions")
    internals.member(actions, "_BOTOCORE_SERVICE_MAP")[SERVICE] = ["elbv2"]
    judged.by(SERVICE, _resource)
    judged.tagged(SERVICE, _tagged)


def _resource(call: judged.Call) -> str | None:
    action = parameter(call.query, "Action")
    if action.startswith("Describe"):
        return "*"
    if action in _NAMED:
        kind = _NAMED[action]
        if kind == "loadbalancer":
            kind += f"/{_FOLDERS.get(parameter(call.query, 'Type'), 'app')}"
        return call.arn(f"{kind}/{parameter(call.query, 'Name')}/*")
    if action in _ADDRESSED:
        return parameter(call.query, _ADDRESSED[action])
    return None


def _tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    yield from elbv2()._tags.items()
