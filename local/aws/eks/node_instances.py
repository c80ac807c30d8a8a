"""The EC2 instances that a node group's nodes are: what DescribeInstances says of them."""

import time
from collections.abc import Iterator
from typing import Any

from local.aws import internals
from local.aws.ec2.service import ec2
from local.aws.eks.nodegroup_settings import template
from local.aws.eks.service import Record, eks
from local.kubernetes.client import Client, Object
from local.kubernetes.node_group import GROUP_LABEL, SUBNET_ANNOTATION

_PREFIXES = "PodPrefixes"
_CLOSING = "</item>"


def install() -> None:
    internals.replace(ec2(), "_instance_xml", _with_interface)


def settle(cluster: Record, group: str, client: Client) -> None:
    """Make the account hold exactly the instances that the group's nodes name."""
    nodes = client.get("api/v1/nodes", labelSelector=f"{GROUP_LABEL}={group}")["items"]
    described = eks()._nodegroups[f"{cluster['name']}/{group}"]
    wanted = {record["InstanceId"]: record for record in _records(cluster, nodes)}
    tags = _tags(cluster["name"], group)
    instances = ec2()._instances
    for name in [name for name in instances if ec2()._tags.get(name) == tags]:
        if name not in wanted:
            instances.pop(name)
            ec2()._tags.pop(name)
    new = {name: record for name, record in wanted.items() if name not in instances}
    # Looked up for nodes only: the template of a group that goes may be gone before it.
    launch = described["launchTemplate"] if new and "launchTemplate" in described else None
    interfaces = template(launch)[1].get("NetworkInterfaces", []) if launch else []
    for name, record in new.items():
        if _public(record["SubnetId"], interfaces):
            record["PublicIpAddress"] = ec2()._random_ip("54.")
        instances[name] = record
    ec2()._tags.update(dict.fromkeys(wanted, tags))


def _public(subnet: str, interfaces: list[Record]) -> bool:
    """Whether an instance gets a public address: the launch template says so, or its subnet."""
    for interface in interfaces:
        if "AssociatePublicIpAddress" in interface:
            return bool(interface["AssociatePublicIpAddress"])
    return bool(ec2()._subnets[subnet]["MapPublicIpOnLaunch"])


def _tags(cluster: str, group: str) -> list[dict[str, str]]:
    """The tags that EKS gives the instances of a managed node group."""
    values = {
        "eks:cluster-name": cluster,
        "eks:nodegroup-name": group,
        f"kubernetes.io/cluster/{cluster}": "owned",
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _records(cluster: Record, nodes: list[Object]) -> Iterator[Record]:
    group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    name = ec2()._security_groups[group]["GroupName"]
    for node in nodes:
        zone, identifier = node["spec"]["providerID"].split("/")[-2:]
        labels = node["metadata"]["labels"]
        addresses = {a["type"]: a["address"] for a in node["status"]["addresses"]}
        yield {
            "InstanceId": identifier,
            "ImageId": labels["eks.amazonaws.com/nodegroup-image"],
            "InstanceType": labels["node.kubernetes.io/instance-type"],
            "State": {"Code": 16, "Name": "running"},
            "SubnetId": node["metadata"]["annotations"][SUBNET_ANNOTATION],
            "VpcId": cluster["resourcesVpcConfig"]["vpcId"],
            "PrivateIpAddress": addresses["InternalIP"],
            "PrivateDnsName": addresses["InternalDNS"],
            "PublicIpAddress": "",
            "PublicDnsName": "",
            "SecurityGroups": [{"GroupId": group, "GroupName": name}],
            "Architecture": {"amd64": "x86_64"}.get(labels["kubernetes.io/arch"], "arm64"),
            "RootDeviceType": "ebs",
            "RootDeviceName": "/dev/xvda",
            "Hypervisor": "xen",
            "Virtualization": "hvm",
            "Placement": {"AvailabilityZone": zone, "Tenancy": "default"},
            "Monitoring": {"State": "disabled"},
            "AmiLaunchIndex": 0,
            "UserData": "",
            "LaunchTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "BlockDeviceMappings": [],
            "IamInstanceProfile": None,
            # Where the VPC CNI gives the node /28 prefixes, the simulated one shares its
            # subnet's half with the other nodes there.
            _PREFIXES: [node["spec"]["podCIDR"]],
        }


def _with_interface(stock: Any) -> Any:
    """An instance with the network interface that its pods' addresses belong to."""

    def shown(record: Record) -> str:
        text: str = stock(record)
        if _PREFIXES not in record:
            return text
        groups = "".join(
            f"<item><groupId>{g['GroupId']}</groupId><groupName>{g['GroupName']}</groupName></item>"
            for g in record["SecurityGroups"]
        )
        prefixes = "".join(
            f"<item><ipv4Prefix>{prefix}</ipv4Prefix></item>" for prefix in record[_PREFIXES]
        )
        address = record["PrivateIpAddress"]
        return (
            f"{text.removesuffix(_CLOSING)}<networkInterfaceSet><item>"
            f"<networkInterfaceId>eni-{record['InstanceId'][2:]}</networkInterfaceId>"
            f"<subnetId>{record['SubnetId']}</subnetId><vpcId>{record['VpcId']}</vpcId>"
            f"<status>in-use</status><privateIpAddress>{address}</privateIpAddress>"
            f"<groupSet>{groups}</groupSet><privateIpAddressesSet><item>"
            f"<privateIpAddress>{address}</privateIpAddress><primary>true</primary>"
            f"</item></privateIpAddressesSet><ipv4PrefixSet>{prefixes}</ipv4PrefixSet>"
            f"<interfaceType>interface</interfaceType></item></networkInterfaceSet>{_CLOSING}"
        )

    return shown
