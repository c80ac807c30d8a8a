"""Network Load Balancers: their own names, protocols and attributes, unlike an ALB's."""

from collections.abc import Mapping
from typing import Any

from local.aws.ec2.service import Parameters
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

NETWORK = "network"
TYPES = ("application", NETWORK)
_LISTENERS = {"application": ("HTTP", "HTTPS"), NETWORK: ("TCP", "TLS", "UDP", "TCP_UDP")}
# What a listener of each protocol forwards to (ELB user guides, "Routing configuration").
_TARGETS = {
    "HTTP": ("HTTP", "HTTPS"),
    "HTTPS": ("HTTP", "HTTPS"),
    "TCP": ("TCP", "TCP_UDP"),
    "TLS": ("TCP", "TLS"),
    "UDP": ("UDP", "TCP_UDP"),
    "TCP_UDP": ("TCP_UDP",),
}
_BALANCER_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "deletion_protection.enabled": "false",
    "load_balancing.cross_zone.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
_MORE_ATTRIBUTES = (
    "dns_record.client_routing_policy",
    "ipv6.deny_all_igw_traffic",
    "secondary_ips.auto_assigned.per_subnet",
)
_TARGET_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "deregistration_delay.connection_termination.enabled": "false",
    # Of targets by address; instances see their clients.
    "preserve_client_ip.enabled": "false",
    "proxy_protocol_v2.enabled": "false",
    "stickiness.enabled": "false",
    "stickiness.type": "source_ip",
}


def install() -> None:
    replace_call("CreateListener", _create_listener)
    replace_call("ModifyListener", _modify_listener)
    replace_call("CreateRule", _create_rule)
    replace_call("CreateTargetGroup", _create_target_group)
    replace_call("SetSecurityGroups", _set_security_groups)
    replace_call("ModifyLoadBalancerAttributes", _modify_attributes)


def named(record: dict[str, Any]) -> None:
    """Give a new Network Load Balancer its ARN and its attributes."""
    old = record["LoadBalancerArn"]
    new = record["LoadBalancerArn"] = old.replace(":loadbalancer/app/", ":loadbalancer/net/")
    for store in (elbv2()._lbs, elbv2()._lb_attrs, elbv2()._tags):
        store[new] = store.pop(old)
    elbv2()._lb_attrs[new] = _pairs(_BALANCER_ATTRIBUTES)


def _pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in attributes.items()]


def _problem(request: Parameters, kind: str, protocol: str) -> Response | None:
    """Why AWS refuses a listener of a load balancer of that type."""
    if protocol not in _LISTENERS[kind]:
        known = ", ".join(_LISTENERS[kind])
        message = f"Listener protocol '{protocol}' must be one of '{known}'"
        return refusal("UnsupportedProtocol" if protocol else "ValidationError", message)
    for action in elbv2()._parse_actions(request, "DefaultActions"):
        if kind == NETWORK and action["Type"] != "forward":
            message = f"Action type '{action['Type']}' is not supported by network load balancers"
            return refusal("InvalidLoadBalancerAction", message)
        groups = action.get("ForwardConfig", {}).get("groups", ())
        for arn in (group["arn"] for group in groups):
            if arn not in elbv2()._tgs:
                return refusal("TargetGroupNotFound", f"Target group '{arn}' not found")
            if elbv2()._tgs[arn]["Protocol"] not in _TARGETS[protocol]:
                message = f"Target group '{arn}' has a protocol that '{protocol}' can't forward to"
                return refusal("IncompatibleProtocols", message)
    return None


def _create_listener(stock: Call) -> Call:
    def create(request: Parameters) -> Response:
        balancer = elbv2()._lbs.get(parameter(request, "LoadBalancerArn"))
        if balancer is None:
            return stock(request)
        if problem := _problem(request, balancer["Type"], parameter(request, "Protocol")):
            return problem
        port = int(parameter(request, "Port") or 0)
        arn = balancer["LoadBalancerArn"]
        if any(_at(one, arn, port) for one in elbv2()._listeners.values()):
            message = f"A listener already exists on port {port} for load balancer '{arn}'"
            return refusal("DuplicateListener", message)
        response = stock(request)
        if response[0] >= 400 or balancer["Type"] != NETWORK:
            return response
        (made,) = (one for one in elbv2()._listeners.values() if _at(one, arn, port))
        _rename(made)
        return answer("CreateListener", f"<Listeners>{elbv2()._listener_xml(made)}</Listeners>")

    return create


def _at(listener: dict[str, Any], balancer: str, port: int) -> bool:
    return bool(listener["LoadBalancerArn"] == balancer and listener["Port"] == port)


def _rename(listener: dict[str, Any]) -> None:
    """Name a listener as one of a Network Load Balancer, which has no rules."""
    old = listener["ListenerArn"]
    new = listener["ListenerArn"] = old.replace(":listener/app/", ":listener/net/")
    for store in (elbv2()._listeners, elbv2()._tags):
        store[new] = store.pop(old)
    elbv2()._listener_attrs.pop(old)
    tcp = listener["Protocol"] == "TCP"
    elbv2()._listener_attrs[new] = _pairs({"tcp.idle_timeout.seconds": "350"} if tcp else {})
    rules = elbv2()._rules
    for arn in [arn for arn, rule in rules.items() if rule["ListenerArn"] == old]:
        del rules[arn]


def _modify_listener(stock: Call) -> Call:
    def modify(request: Parameters) -> Response:
        listener = elbv2()._listeners.get(parameter(request, "ListenerArn"))
        if listener is not None:
            kind = elbv2()._lbs[listener["LoadBalancerArn"]]["Type"]
            protocol = parameter(request, "Protocol") or listener["Protocol"]
            if problem := _problem(request, kind, protocol):
                return problem
        return stock(request)

    return modify


def _create_rule(stock: Call) -> Call:
    def create(request: Parameters) -> Response:
        listener = elbv2()._listeners.get(parameter(request, "ListenerArn"))
        if listener and elbv2()._lbs[listener["LoadBalancerArn"]]["Type"] == NETWORK:
            message = "Rules are not supported by listeners of network load balancers"
            return refusal("InvalidConfigurationRequest", message)
        return stock(request)

    return create


def _create_target_group(stock: Call) -> Call:
    """Connections are checked by a connection unless another protocol is asked for."""

    def create(request: Parameters) -> Response:
        protocol = parameter(request, "Protocol")
        if protocol not in _TARGETS:
            return refusal("ValidationError", f"Target group protocol '{protocol}' isn't emulated")
        if protocol in _LISTENERS["application"]:
            return stock(request)
        # 10 s for connections, as for HTTPS; HTTP's check has 6 (API reference).
        http = parameter(request, "HealthCheckProtocol") == "HTTP"
        defaults = {
            "HealthCheckProtocol": "TCP",
            "HealthCheckTimeoutSeconds": "6" if http else "10",
            "Matcher.HttpCode": "200-399",
        }
        given = {name: [parameter(request, name) or value] for name, value in defaults.items()}
        response = stock({**request, **given})
        if response[0] < 400:
            name = parameter(request, "Name")
            (made,) = (one for one in elbv2()._tgs.values() if one["TargetGroupName"] == name)
            elbv2()._tg_attrs[made["TargetGroupArn"]] = _pairs(_TARGET_ATTRIBUTES)
        return response

    return create


def _set_security_groups(stock: Call) -> Call:
    """A Network Load Balancer that was made without security groups never has any."""

    def change(request: Parameters) -> Response:
        balancer = elbv2()._lbs.get(parameter(request, "LoadBalancerArn"), {})
        if balancer.get("Type") == NETWORK:
            if not balancer["SecurityGroups"]:
                message = "It was created without security groups, and can't be given any"
                return refusal("InvalidConfigurationRequest", message)
            if not any(members(request, "SecurityGroups")):
                message = "A network load balancer keeps at least one of its security groups"
                return refusal("InvalidConfigurationRequest", message)
        return stock(request)

    return change


def _modify_attributes(stock: Call) -> Call:
    """Only what such a load balancer has; its logs, which others deliver, aren't emulated."""

    def modify(request: Parameters) -> Response:
        balancer = elbv2()._lbs.get(parameter(request, "LoadBalancerArn"), {})
        if balancer.get("Type") == NETWORK:
            for number, key in enumerate(members(request, "Attributes", "Key"), start=1):
                if key not in (*_BALANCER_ATTRIBUTES, *_MORE_ATTRIBUTES):
                    message = f"Attribute '{key}' isn't one of network load balancers here"
                    return refusal("ValidationError", message)
                value = parameter(request, f"Attributes.member.{number}.Value")
                if (key, value) == ("access_logs.s3.enabled", "true"):
                    message = "Access logs of network load balancers aren't emulated"
                    return refusal("ValidationError", message)
        return stock(request)

    return modify
