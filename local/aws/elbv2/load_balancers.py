"""Load balancers: in the VPC and zones of their subnets, gone with their listeners."""

import re
from typing import Any

from local.aws import internals
from local.aws.ec2.service import Parameters, ec2
from local.aws.elbv2.network import NETWORK, TYPES, named
from local.aws.elbv2.service import (
    Call,
    answer,
    elbv2,
    members,
    parameter,
    refusal,
    replace_call,
)
from local.aws.responses import Response

_ZONES = re.compile("<AvailabilityZones>.*?</AvailabilityZones>", re.DOTALL)
_LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"


def install() -> None:
    internals.replace(elbv2(), "_lb_xml", _with_zones)
    replace_call("CreateLoadBalancer", _create)
    replace_call("DeleteLoadBalancer", _delete)
    replace_call("SetSubnets", _set_subnets)
    replace_call("ModifyLoadBalancerAttributes", _modify_attributes)


def _with_zones(stock: Any) -> Any:
    def shown(record: dict[str, Any]) -> str:
        zones = f"<AvailabilityZones>{_zones(record['Subnets'])}</AvailabilityZones>"
        return _ZONES.sub(lambda _: zones, stock(record))

    return shown


def _zones(subnets: list[str]) -> str:
    return "".join(
        f"<member><ZoneName>{ec2()._subnets[name]['AvailabilityZone']}</ZoneName>"
        f"<SubnetId>{name}</SubnetId><LoadBalancerAddresses/></member>"
        for name in subnets
    )


def _subnets(request: Parameters) -> list[str]:
    return [*members(request, "Subnets"), *members(request, "SubnetMappings", "SubnetId")]


def _problem(subnets: list[str], kind: str) -> Response | None:
    """Why AWS refuses these subnets: one a zone, and for an application two of them."""
    records = [ec2()._subnets.get(name) for name in subnets]
    if missing := [name for name, found in zip(subnets, records, strict=True) if found is None]:
        return refusal("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
    found = [record for record in records if record is not None]
    if len({record["VpcId"] for record in found}) > 1:
        return refusal("InvalidConfigurationRequest", "Subnets must be in the same VPC")
    least = 1 if kind == NETWORK else 2
    if len({record["AvailabilityZone"] for record in found}) < max(least, len(found)):
        message = f"At least {least} subnets, each in an Availability Zone of its own, are needed"
        return refusal("ValidationError", message)
    return None


def _create(stock: Call) -> Call:
    def create(request: Parameters) -> Response:
        kind = parameter(request, "Type") or TYPES[0]
        if kind not in TYPES:
            return refusal("ValidationError", f"A load balancer's type is one of {TYPES} here")
        subnets = _subnets(request)
        if problem := _problem(subnets, kind):
            return problem
        response = stock(request)
        if response[0] >= 400:
            return response
        name = parameter(request, "Name")
        balancers = elbv2()._lbs.values()
        (record,) = (one for one in balancers if one["LoadBalancerName"] == name)
        if kind == NETWORK:
            named(record)
        record["Subnets"] = subnets
        record["VpcId"] = ec2()._subnets[subnets[0]]["VpcId"]
        shown = f"<LoadBalancers>{elbv2()._lb_xml(record)}</LoadBalancers>"
        return answer("CreateLoadBalancer", shown)

    return create


def _delete(stock: Call) -> Call:
    def delete(request: Parameters) -> Response:
        arn = parameter(request, "LoadBalancerArn")
        attributes = {a["Key"]: a["Value"] for a in elbv2()._lb_attrs.get(arn, [])}
        if attributes.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is on"
            return refusal("OperationNotPermitted", message)
        listeners = elbv2()._listeners.items()
        for name in [name for name, one in listeners if one["LoadBalancerArn"] == arn]:
            elbv2()._delete_listener({"ListenerArn": [name]})
        return stock(request)

    return delete


def _set_subnets(stock: Call) -> Call:
    def change(request: Parameters) -> Response:
        subnets = _subnets(request)
        record = elbv2()._lbs.get(parameter(request, "LoadBalancerArn"))
        if record is None:
            return stock(request)
        if problem := _problem(subnets, record["Type"]):
            return problem
        response = stock(request)
        if response[0] >= 400:
            return response
        zones = f"<AvailabilityZones>{_zones(subnets)}</AvailabilityZones>"
        kind = f"<IpAddressType>{record['IpAddressType']}</IpAddressType>"
        return answer("SetSubnets", zones + kind)

    return change


def _modify_attributes(stock: Call) -> Call:
    """Access logs go to a bucket that lets the log delivery in, as AWS tries by writing to it."""

    def modify(request: Parameters) -> Response:
        keys = members(request, "Attributes", "Key")
        changed = {
            key: parameter(request, f"Attributes.member.{number}.Value")
            for number, key in enumerate(keys, start=1)
        }
        arn = parameter(request, "LoadBalancerArn")
        now = {a["Key"]: a["Value"] for a in elbv2()._lb_attrs.get(arn, [])} | changed
        if now.get("access_logs.s3.enabled") == "true":
            bucket = now.get("access_logs.s3.bucket", "")
            prefix = now.get("access_logs.s3.prefix", "")
            if not _may_write(bucket, prefix):
                message = f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
                return refusal("InvalidConfigurationRequest", message)
        return stock(request)

    return modify


def _may_write(bucket: str, prefix: str) -> bool:
    s3 = internals.module("services.s3")
    if bucket not in s3._buckets or bucket not in s3._bucket_policies:
        return False
    encryption = str(s3._bucket_encryption.get(bucket, ""))
    if "aws:kms" in encryption:
        # Elastic Load Balancing delivers to buckets with Amazon S3 managed keys only.
        return False
    folder = f"{prefix}/" if prefix else ""
    evaluator = internals.module("core.iam_evaluator")
    delivery = evaluator.EvalContext(
        principal_arn=_LOG_DELIVERY,
        principal_type="Service",
        principal_account="",
        action="s3:PutObject",
        # As AWS tries it: by a test file.
        resource_arn=f"arn:aws:s3:::{bucket}/{folder}AWSLogs/{internals.account()}/TestFile",
        region=internals.region(),
    )
    policy = s3._bucket_policies[bucket]
    judged = evaluator.evaluate_resource_policy(policy, delivery, service=_LOG_DELIVERY)
    return bool(judged.decision == "Allow")
