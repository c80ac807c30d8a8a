"""What an account holds, but for its baseline and what CDK's bootstrap made."""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from config.baseline import POLICIES

_EMPTY: Mapping[str, tuple[str, str, str]] = {
    "load balancers": ("elbv2", "describe_load_balancers", "LoadBalancers"),
    "target groups": ("elbv2", "describe_target_groups", "TargetGroups"),
    "clusters": ("eks", "list_clusters", "clusters"),
    "functions": ("lambda", "list_functions", "Functions"),
    "log groups": ("logs", "describe_log_groups", "logGroups"),
    "nat gateways": ("ec2", "describe_nat_gateways", "NatGateways"),
    "addresses": ("ec2", "describe_addresses", "Addresses"),
    "endpoints": ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    "flow logs": ("ec2", "describe_flow_logs", "FlowLogs"),
    "instances": ("ec2", "describe_instances", "Reservations"),
    "launch templates": ("ec2", "describe_launch_templates", "LaunchTemplates"),
    "interfaces": ("ec2", "describe_network_interfaces", "NetworkInterfaces"),
    "volumes": ("ec2", "describe_volumes", "Volumes"),
    "certificates": ("acm", "list_certificates", "CertificateSummaryList"),
    "scaling groups": ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"),
    "layers": ("lambda", "list_layers", "Layers"),
    "topics": ("sns", "list_topics", "Topics"),
    "alarms": ("cloudwatch", "describe_alarms", "MetricAlarms"),
    "dashboards": ("cloudwatch", "list_dashboards", "DashboardEntries"),
    "cache rules": ("ecr", "describe_pull_through_cache_rules", "pullThroughCacheRules"),
    "cache templates": (
        "ecr",
        "describe_repository_creation_templates",
        "repositoryCreationTemplates",
    ),
    "identity providers": ("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList"),
}
"""What each account starts without: service, call, and the answer's list."""


def listed(session: boto3.Session, endpoint: str) -> dict[str, set[str]]:
    """Return what is there, by kind; kinds of which there is nothing are left out."""
    client = _Clients(session, endpoint)
    found = {}
    for kind, (service, call, member) in _EMPTY.items():
        items = getattr(client(service), call)()[member]
        if kind == "nat gateways":
            items = [item for item in items if item["State"] != "deleted"]
        if kind == "log groups":
            items = [item["logGroupName"] for item in items]
        found[kind] = {str(item) for item in items}
    own = client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    found["snapshots"] = {snapshot["SnapshotId"] for snapshot in own}
    policies = client("iam").list_policies(Scope="Local")["Policies"]
    found["policies"] = {policy["PolicyName"] for policy in policies} - set(POLICIES)
    found["secrets"] = set(_secrets(client("secretsmanager")))
    found["repositories"] = set(_repositories(client("ecr")))
    found["parameters"] = set(_parameters(client("ssm")))
    found["networks"] = set(_networks(client("ec2")))
    found["roles"] = set(_roles(client("iam")))
    found["kms keys"] = set(_keys(client("kms")))
    found["s3 buckets"] = set(_buckets(client("s3")))
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    found["stacks"] = {stack["StackName"] for stack in stacks}
    return {kind: names for kind, names in found.items() if names}


class _Clients:
    def __init__(self, session: boto3.Session, endpoint: str) -> None:
        self._session, self._endpoint = session, endpoint

    def __call__(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)


def _networks(ec2: Any) -> Iterator[str]:
    default = {v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if v["IsDefault"]}
    for call, member, name in (
        ("describe_vpcs", "Vpcs", "VpcId"),
        ("describe_subnets", "Subnets", "SubnetId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
        ("describe_route_tables", "RouteTables", "RouteTableId"),
    ):
        for item in getattr(ec2, call)()[member]:
            if item.get("VpcId") not in default:
                yield item[name]
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        if not {a["VpcId"] for a in gateway["Attachments"]} & default:
            yield gateway["InternetGatewayId"]


def _roles(iam: Any) -> Iterator[str]:
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if not role["RoleName"].startswith("cdk-") and "aws-service-role" not in role["Path"]:
                yield role["RoleName"]


def _keys(kms: Any) -> Iterator[str]:
    for item in kms.list_keys()["Keys"]:
        key = kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"]
        if key["KeyState"] != "PendingDeletion" and key.get("KeyManager") != "AWS":
            yield key["Description"]


def _secrets(manager: Any) -> Iterator[str]:
    for secret in manager.list_secrets()["SecretList"]:
        yield secret.get("Description") or secret["Name"]


def _repositories(ecr: Any) -> Iterator[str]:
    for repository in ecr.describe_repositories()["repositories"]:
        if not repository["repositoryName"].startswith("cdk-"):
            yield repository["repositoryName"]


def _parameters(ssm: Any) -> Iterator[str]:
    for parameter in ssm.describe_parameters()["Parameters"]:
        if not parameter["Name"].startswith("/cdk-bootstrap/"):
            yield parameter["Name"]


def _buckets(s3: Any) -> Iterator[str]:
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name.startswith("cdk-"):
            continue
        kinds = {"backups": "backup", "loadbalancerlogs": "load balancer logs"}
        yield next((kind for part, kind in kinds.items() if part in name), name)
