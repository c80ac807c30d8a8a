"""EBS encryption by default: the account's setting for a region, and what new volumes get of it."""

from typing import Any

from local.aws import internals
from local.aws.ec2.service import Parameters, ec2, text

_on: set[tuple[str, str]] = set()


def install() -> None:
    actions = internals.member(ec2(), "_ACTION_MAP")
    for name in ("Enable", "Disable", "Get"):
        actions[f"{name}EbsEncryptionByDefault"] = _call(name)
    actions["CreateVolume"] = _encrypting(actions["CreateVolume"])


def _here() -> tuple[str, str]:
    return internals.account(), internals.region()


def _call(name: str) -> Any:
    def answer(_request: Parameters) -> Any:
        if name == "Enable":
            _on.add(_here())
        elif name == "Disable":
            _on.discard(_here())
        shown = text(_here() in _on)
        return ec2()._xml(
            200,
            f"{name}EbsEncryptionByDefaultResponse",
            f"<ebsEncryptionByDefault>{shown}</ebsEncryptionByDefault><sseType>sse-ebs</sseType>",
        )

    return answer


def _encrypting(stock: Any) -> Any:
    def create(request: Parameters) -> Any:
        return stock({**request, "Encrypted": ["true"]} if _here() in _on else request)

    return create
