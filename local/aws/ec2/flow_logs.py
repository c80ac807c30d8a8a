"""AWS::EC2::FlowLog and DescribeFlowLogs with role, group, interval, and whether it delivers."""

from typing import Any

from local.aws import internals, responses
from local.aws.ec2.service import apply_tags, ec2, parameters
from local.aws.resource_types import Attributes, Properties, ResourceType, register, select, words
from local.aws.trust import service_gets

_SERVICE = "vpc-flow-logs.amazonaws.com"
_PROPERTIES = words(
    "DeliverLogsPermissionArn LogDestination LogDestinationType LogGroupName "
    "MaxAggregationInterval ResourceId ResourceType TrafficType"
)


def install() -> None:
    register(
        ResourceType(
            name="AWS::EC2::FlowLog",
            properties=_PROPERTIES,
            create_only=_PROPERTIES,
            create=_create,
            update=_update,
            delete=_delete,
            read=_read,
            reads=words("ResourceId ResourceType TrafficType"),
        )
    )
    actions = internals.member(ec2(), "_ACTION_MAP")
    actions["CreateFlowLogs"] = _complete(actions["CreateFlowLogs"])
    actions["DescribeFlowLogs"] = _shown(actions["DescribeFlowLogs"])


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
    request = parameters(select(properties, _PROPERTIES - {"ResourceId"}))
    request["ResourceId.1"] = [properties["ResourceId"]]
    identifier = responses.element(ec2()._ACTION_MAP["CreateFlowLogs"](request), "item")
    apply_tags(identifier, properties)
    return identifier, {"Id": identifier}


def _update(identifier: str, old: Properties, new: Properties) -> Attributes:
    apply_tags(identifier, new, old)
    return {"Id": identifier}


def _delete(identifier: str, _properties: Properties) -> None:
    responses.body(ec2()._delete_flow_logs({"FlowLogId.1": [identifier]}))


def _read(identifier: str, _properties: Properties) -> Properties | None:
    record = ec2()._flow_logs.get(identifier)
    return select(record, words("ResourceId ResourceType TrafficType")) if record else None


def _complete(stock: Any) -> Any:
    """CreateFlowLogs that keeps what MiniStack drops and refuses an unknown VPC or subnet."""

    def create(request: Any) -> Any:
        for identifier in ec2()._parse_member_list(request, "ResourceId"):
            if identifier not in ec2()._vpcs and identifier not in ec2()._subnets:
                return ec2()._error("InvalidVpcId.NotFound", f"{identifier} does not exist", 400)
        known = set(ec2()._flow_logs)
        answer = stock(request)
        for identifier in set(ec2()._flow_logs) - known:
            record = ec2()._flow_logs[identifier]
            record["LogGroupName"] = ec2()._p(request, "LogGroupName")
            record["DeliverLogsPermissionArn"] = ec2()._p(request, "DeliverLogsPermissionArn")
            record["MaxAggregationInterval"] = ec2()._p(request, "MaxAggregationInterval") or "600"
        return answer

    return create


def _shown(stock: Any) -> Any:
    def describe(request: Any) -> Any:
        status, headers, content = stock(request)
        text = content.decode() if isinstance(content, bytes) else content
        for record in ec2()._flow_logs.values():
            mark = f"<flowLogId>{record['FlowLogId']}</flowLogId>"
            extra = (
                f"<maxAggregationInterval>{record['MaxAggregationInterval']}"
                "</maxAggregationInterval>"
            )
            for tag, key in (
                ("logGroupName", "LogGroupName"),
                ("deliverLogsPermissionArn", "DeliverLogsPermissionArn"),
            ):
                if record[key]:
                    extra += f"<{tag}>{record[key]}</{tag}>"
            if _delivers(record):
                extra += "<deliverLogsStatus>SUCCESS</deliverLogsStatus>"
            else:
                extra += "<deliverLogsStatus>FAILED</deliverLogsStatus>"
                extra += "<deliverLogsErrorMessage>Access error</deliverLogsErrorMessage>"
            text = text.replace(mark, mark + extra)
        return status, headers, text.encode()

    return describe


def _delivers(record: Any) -> bool:
    """Whether the service gets the role that it writes with; no other destination needs one."""
    role = record["DeliverLogsPermissionArn"]
    source = (
        f"arn:aws:ec2:{internals.region()}:{internals.account()}:vpc-flow-log/{record['FlowLogId']}"
    )
    return not role or service_gets(role, _SERVICE, source)
