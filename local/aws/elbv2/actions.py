"""What listeners and rules do: forwards by weight, which MiniStack drops."""

import re
from typing import Any

from local.aws import internals
from local.aws.ec2.service import Parameters
from local.aws.elbv2.service import elbv2, members, parameter

Action = dict[str, Any]
_CLOSING = "</member>"
_SINGLE = re.compile(r"(<Order>\d+</Order>)<TargetGroupArn>.*?</TargetGroupArn>")


def install() -> None:
    internals.replace(elbv2(), "_parse_actions", _parsing)
    internals.replace(elbv2(), "_action_xml", _showing)


def _parsing(stock: Any) -> Any:
    def parse(request: Parameters, prefix: str = "DefaultActions") -> list[Action]:
        actions: list[Action] = stock(request, prefix)
        for number, action in enumerate(actions, start=1):
            if action["Type"] == "forward":
                _forward(request, f"{prefix}.member.{number}.ForwardConfig", action)
        return actions

    return parse


def _forward(request: Parameters, prefix: str, action: Action) -> None:
    """Keep the groups with their weights; the data plane takes the heaviest."""
    groups = [
        {"arn": arn, "weight": parameter(request, f"{prefix}.TargetGroups.member.{n}.Weight")}
        for n, arn in enumerate(
            members(request, f"{prefix}.TargetGroups", "TargetGroupArn"), start=1
        )
    ]
    if not groups and "TargetGroupArn" in action:
        groups = [{"arn": action["TargetGroupArn"], "weight": ""}]
    sticky = f"{prefix}.TargetGroupStickinessConfig"
    action["ForwardConfig"] = {
        "groups": [{**group, "weight": int(group["weight"] or 1)} for group in groups],
        "sticky": parameter(request, f"{sticky}.Enabled") or "false",
        "seconds": parameter(request, f"{sticky}.DurationSeconds"),
    }
    if groups:
        heaviest = max(action["ForwardConfig"]["groups"], key=lambda group: group["weight"])
        action["TargetGroupArn"] = heaviest["arn"]


def _showing(stock: Any) -> Any:
    def show(action: Action) -> str:
        # AWS leaves an empty body out, and the controller compares.
        text: str = stock(action).replace("<MessageBody></MessageBody>", "")
        config = action.get("ForwardConfig")
        if config is None:
            return text
        if len(config["groups"]) != 1:
            text = _SINGLE.sub(r"\1", text)
        groups = "".join(
            f"<member><TargetGroupArn>{group['arn']}</TargetGroupArn>"
            f"<Weight>{group['weight']}</Weight></member>"
            for group in config["groups"]
        )
        seconds = config["seconds"]
        duration = f"<DurationSeconds>{seconds}</DurationSeconds>" if seconds else ""
        return (
            f"{text.removesuffix(_CLOSING)}<ForwardConfig><TargetGroups>{groups}</TargetGroups>"
            f"<TargetGroupStickinessConfig><Enabled>{config['sticky']}</Enabled>{duration}"
            f"</TargetGroupStickinessConfig></ForwardConfig>{_CLOSING}"
        )

    return show
