"""AWS::Lambda::Function: VpcConfig is kept and shown; deleting a function ends its processes."""

from collections.abc import Callable
from typing import Any

from local.aws import internals
from local.aws.resource_types import Attributes, Properties, restrict, set_create_only

_NAME = "AWS::Lambda::Function"
_PROPERTIES = (
    "Architectures Code Description Environment EphemeralStorage FunctionName Handler Layers "
    "LoggingConfig MemorySize Role Runtime Tags Timeout TracingConfig VpcConfig"
)


def install() -> None:
    restrict(_NAME, _PROPERTIES)
    set_create_only(
        {"AWS::Lambda::Permission": "Action FunctionName Principal SourceArn SourceAccount"}
    )
    handler = internals.member(
        internals.module("services.cloudformation.provisioners"), "_RESOURCE_HANDLERS"
    )[_NAME]
    handler["create"] = _in_vpc(handler["create"], 1)
    handler["update"] = _in_vpc(handler["update"], 2)
    handler["delete"] = _ending(handler["delete"])


def _in_vpc(stock: Callable[..., tuple[str, Attributes]], position: int) -> Any:
    def call(*arguments: Any) -> tuple[str, Attributes]:
        name, attributes = stock(*arguments)
        service = internals.module("services.lambda_svc")
        network = arguments[position].get("VpcConfig")
        service._functions[name]["config"]["VpcConfig"] = service._vpc_config_with_id(
            None
            if network is None
            else {key: list(network.get(key, [])) for key in ("SubnetIds", "SecurityGroupIds")}
        )
        return name, attributes

    return call


def _ending(stock: Any) -> Any:
    def delete(name: str, properties: Properties) -> None:
        internals.module("services.lambda_svc").invalidate_worker(name)
        stock(name, properties)

    return delete
