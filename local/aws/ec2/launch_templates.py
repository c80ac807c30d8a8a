"""AWS::EC2::LaunchTemplate: its data goes through the parser of CreateLaunchTemplate."""

from typing import Any
from xml.sax.saxutils import escape

from local.aws import internals
from local.aws.ec2.service import ec2, flatten
from local.aws.resource_types import NotEmulatedError, restrict

_NAME = "AWS::EC2::LaunchTemplate"


def install() -> None:
    restrict(_NAME, "LaunchTemplateData LaunchTemplateName TagSpecifications VersionDescription")
    internals.replace(ec2(), "_parse_lt_data", _with_keys)
    internals.replace(ec2(), "_lt_data_xml", _showing_keys)
    provisioners = internals.module("services.cloudformation.provisioners")
    internals.replace(provisioners, "_ec2_launch_template_version", _parsed)


def _with_keys(stock: Any) -> Any:
    """A parser that keeps the key of an encrypted volume, which MiniStack's drops."""

    def parse(request: Any, prefix: str = "LaunchTemplateData") -> dict[str, Any]:
        data: dict[str, Any] = stock(request, prefix)
        for number, mapping in enumerate(data.get("BlockDeviceMappings", []), start=1):
            key = ec2()._p(request, f"{prefix}.BlockDeviceMapping.{number}.Ebs.KmsKeyId")
            if key:
                mapping["Ebs"]["KmsKeyId"] = key
        return data

    return parse


def _showing_keys(stock: Any) -> Any:
    def render(data: dict[str, Any]) -> str:
        text = str(stock(data))
        for mapping in data.get("BlockDeviceMappings", []):
            if key := mapping.get("Ebs", {}).get("KmsKeyId"):
                start = text.index(f"<deviceName>{escape(mapping['DeviceName'])}</deviceName>")
                end = text.index("</ebs>", start)
                text = f"{text[:end]}<kmsKeyId>{escape(key)}</kmsKeyId>{text[end:]}"
        return text

    return render


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
