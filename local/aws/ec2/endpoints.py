"""AWS::EC2::VPCEndpoint and DescribeVpcEndpoints: what is kept of an endpoint is also shown."""

import json
from typing import Any
from xml.sax.saxutils import escape

from local.aws import internals
from local.aws.ec2.service import ec2
from local.aws.resource_types import boolean, restrict


def install() -> None:
    restrict(
        "AWS::EC2::VPCEndpoint",
        "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName "
        "SubnetIds VpcEndpointType VpcId Tags",
    )
    internals.replace(ec2(), "_vpce_fields_xml", _shown)


def _shown(stock: Any) -> Any:
    def render(endpoint: dict[str, Any], tag: str = "item") -> str:
        policy = endpoint.get("PolicyDocument")
        document = policy if isinstance(policy, str) else json.dumps(policy)
        groups = "".join(
            f"<item><groupId>{group}</groupId></item>"
            for group in endpoint.get("SecurityGroupIds", [])
        )
        private = str(boolean(endpoint.get("PrivateDnsEnabled"))).lower()
        extra = f"<groupSet>{groups}</groupSet><privateDnsEnabled>{private}</privateDnsEnabled>"
        if policy:
            extra += f"<policyDocument>{escape(document)}</policyDocument>"
        return str(stock(endpoint, tag)).replace("<state>", f"{extra}<state>", 1)

    return render
