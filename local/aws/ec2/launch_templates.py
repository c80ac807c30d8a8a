"""AWS::EC2::LaunchTemplate: its data goes through the parser of CreateLaunchTemplate."""

from typing import Any

from local.aws import internals
from local.aws.ec2.service import ec2, flatten
from local.aws.resource_types import NotEmulatedError, restrict

_NAME = "AWS::EC2::LaunchTemplate"


def install() -> None:
    restrict(_NAME, "LaunchTemplateData LaunchTemplateName TagSpecifications VersionDescription")
    provisioners = internals.module("services.cloudformation.provisioners")
    internals.replace(provisioners, "_ec2_launch_template_version", _parsed)


def _parsed(stock: Any) -> Any:
    """A version whose data is what the API would have made of it; what it drops is refused."""

    def version(identifier: str, name: str, number: int, properties: Any, default: bool) -> Any:
        made = dict(stock(identifier, name, number, properties, default))
        request = _Request(
            {
                key: [value]
                for key, value in flatten("LaunchTemplateData", properties["LaunchTemplateData"])
            }
        )
        made["LaunchTemplateData"] = ec2()._parse_lt_data(request)
        dropped = sorted(set(request) - request.read)
        if dropped:
            raise NotEmulatedError(f"{_NAME} {', '.join(dropped)} is not emulated.")
        return made

    return version


class _Request(dict[str, list[str]]):
    """Request parameters that note which of them were used."""

    def __init__(self, values: dict[str, list[str]]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)
