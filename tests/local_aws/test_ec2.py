"""EC2 types that MiniStack lacks or shows half of."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import ACCOUNT, Account, Server, StackFailedError, network, role


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


GATEWAY: dict[str, Any] = {
    **network("a"),
    "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
    "Gateway": {
        "Type": "AWS::EC2::NatGateway",
        "Properties": {
            "SubnetId": ref("SubnetA"),
            "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
            "Tags": [{"Key": "Name", "Value": "out"}],
        },
    },
}


def test_nat_gateway_has_its_address_until_it_is_deleted(account: Account) -> None:
    ec2 = account.client("ec2")
    with account.stack(GATEWAY) as stack:
        gateway = account.resource(stack, "Gateway")
        shown = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]
        address = account.resource(stack, "Address")
        assert [item["PublicIp"] for item in shown["NatGatewayAddresses"]] == [address]
        assert shown["SubnetId"] == account.resource(stack, "SubnetA")
        assert {"Key": "Name", "Value": "out"} in shown["Tags"]
    left = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    assert left == []
    assert address not in [item["PublicIp"] for item in ec2.describe_addresses()["Addresses"]]


def test_nat_gateway_needs_a_subnet_that_exists(account: Account) -> None:
    properties = {"SubnetId": "subnet-none", "ConnectivityType": "private"}
    resources = {"Gateway": {"Type": "AWS::EC2::NatGateway", "Properties": properties}}
    with pytest.raises(StackFailedError, match="subnet-none"):
        account.create("no-subnet", resources)
    account.delete("no-subnet")


def test_flow_log_shows_group_role_and_interval(account: Account) -> None:
    resources = {
        **network("a"),
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Role": role("vpc-flow-logs.amazonaws.com"),
        "Log": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": ref("Vpc"),
                "ResourceType": "VPC",
                "TrafficType": "REJECT",
                "LogGroupName": ref("Group"),
                "DeliverLogsPermissionArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "MaxAggregationInterval": 60,
            },
        },
    }
    with account.stack(resources) as stack:
        shown = account.client("ec2").describe_flow_logs(
            FlowLogIds=[account.resource(stack, "Log")]
        )["FlowLogs"][0]
        assert shown["TrafficType"] == "REJECT"
        assert shown["LogGroupName"] == account.resource(stack, "Group")
        assert shown["DeliverLogsPermissionArn"].endswith(account.resource(stack, "Role"))
        assert shown["MaxAggregationInterval"] == 60
        assert shown["DeliverLogsStatus"] == "SUCCESS"


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, "SUCCESS"),
        ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, "FAILED"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:ec2:*:{ACCOUNT}:vpc-flow-log/*"}}, "SUCCESS"),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:ec2:*:{ACCOUNT}:instance/*"}}, "FAILED"),
    ],
)
def test_a_flow_log_delivers_where_its_role_trusts_it(
    account: Account, conditions: dict[str, Any], status: str
) -> None:
    trusting = role("vpc-flow-logs.amazonaws.com")
    (statement,) = trusting["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    statement["Condition"] = conditions
    properties = {
        "ResourceId": ref("Vpc"),
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogGroupName": ref("Group"),
        "DeliverLogsPermissionArn": {"Fn::GetAtt": ["Role", "Arn"]},
    }
    resources = {
        **network("a"),
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
        "Role": trusting,
        "Log": {"Type": "AWS::EC2::FlowLog", "Properties": properties},
    }
    with account.stack(resources) as stack:
        (shown,) = account.client("ec2").describe_flow_logs(
            FlowLogIds=[account.resource(stack, "Log")]
        )["FlowLogs"]
        assert shown["DeliverLogsStatus"] == status
        assert shown.get("DeliverLogsErrorMessage") == (
            None if status == "SUCCESS" else "Access error"
        )


def test_single_rules_join_and_leave_their_group(account: Account) -> None:
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "test", "VpcId": ref("Vpc")},
    }
    rule = {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "CidrIp": "10.0.0.0/8",
        },
    }
    base = {**network("a"), "Group": group}
    with account.stack({**base, "Rule": rule}) as stack:
        name = account.resource(stack, "Group")
        ec2 = account.client("ec2")
        shown = ec2.describe_security_groups(GroupIds=[name])["SecurityGroups"][0]
        assert [item["FromPort"] for item in shown["IpPermissions"]] == [443]
        account.update(stack, base)
        shown = ec2.describe_security_groups(GroupIds=[name])["SecurityGroups"][0]
        assert shown["IpPermissions"] == []


def named(zones: str) -> dict[str, Any]:
    """A network in which private names resolve."""
    base = network(zones)
    base["Vpc"]["Properties"] |= {"EnableDnsHostnames": True, "EnableDnsSupport": True}
    return base


def test_endpoint_shows_policy_groups_and_private_names(account: Account, server: Server) -> None:
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "test", "VpcId": ref("Vpc")},
    }
    endpoint = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": ref("Vpc"),
            "ServiceName": "com.amazonaws.eu-central-1.sts",
            "VpcEndpointType": "Interface",
            "PrivateDnsEnabled": True,
            "SubnetIds": [ref("SubnetA")],
            "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
            "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:*"}]},
        },
    }
    with account.stack({**named("a"), "Group": group, "Endpoint": endpoint}) as stack:
        shown = account.client("ec2").describe_vpc_endpoints(
            VpcEndpointIds=[account.resource(stack, "Endpoint")]
        )["VpcEndpoints"][0]
        assert shown["PrivateDnsEnabled"] is True
        assert [item["GroupId"] for item in shown["Groups"]] == [account.resource(stack, "Group")]
        assert "sts:*" in shown["PolicyDocument"]
        assert server.audit(stack) == []


def _interface(**changes: Any) -> dict[str, Any]:
    properties = {
        "VpcId": ref("Vpc"),
        "ServiceName": "com.amazonaws.eu-central-1.sts",
        "VpcEndpointType": "Interface",
        "PrivateDnsEnabled": False,
        "SubnetIds": [ref("SubnetA")],
    }
    return {"Type": "AWS::EC2::VPCEndpoint", "Properties": {**properties, **changes}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ServiceName": "com.amazonaws.eu-central-1.stss"}, "stss' does not exist"),
        ({"ServiceName": "com.amazonaws.us-east-1.sts"}, "us-east-1.sts' does not exist"),
        ({"SubnetIds": ["subnet-none"]}, "'subnet-none' is not in the VPC"),
        ({"SubnetIds": [ref("SubnetA"), ref("SubnetA")]}, "DuplicateSubnetsInSameZone"),
        ({"SecurityGroupIds": ["sg-none"]}, "'sg-none' does not exist"),
        ({"PrivateDnsEnabled": True}, "requires both enableDnsSupport and enableDnsHostnames"),
    ],
)
def test_an_endpoint_that_could_not_work_is_refused(
    account: Account, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(StackFailedError, match=words):
        account.create("odd-endpoint", {**network("a"), "Endpoint": _interface(**changes)})
    account.delete("odd-endpoint")


def test_two_endpoints_cannot_have_the_same_names(account: Account) -> None:
    base = named("ab")
    one = _interface(PrivateDnsEnabled=True)
    other = _interface(PrivateDnsEnabled=True, SubnetIds=[ref("SubnetB")])
    with (
        account.stack({**base, "One": one}) as stack,
        pytest.raises(StackFailedError, match="already a conflicting DNS domain"),
    ):
        account.update(stack, {**base, "One": one, "Other": other})


def template(**data: Any) -> dict[str, Any]:
    return {
        "Template": {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": data}}
    }


def test_launch_template_keeps_metadata_options_and_volumes(account: Account) -> None:
    data = {
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "VolumeSize": 30,
                    "VolumeType": "gp3",
                    "Encrypted": True,
                    "KmsKeyId": "arn:aws:kms:eu-central-1:111111111111:key/one",
                },
            }
        ],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "platform"}]}
        ],
    }
    with account.stack(template(**data)) as stack:
        shown = account.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=account.resource(stack, "Template")
        )["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        assert shown["MetadataOptions"]["HttpTokens"] == "required"
        assert shown["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        volume = shown["BlockDeviceMappings"][0]["Ebs"]
        assert (volume["VolumeSize"], volume["Encrypted"]) == (30, True)
        assert volume["KmsKeyId"].endswith(":key/one")
        assert shown["TagSpecifications"][0]["Tags"] == [{"Key": "team", "Value": "platform"}]


def test_launch_template_refuses_what_it_would_drop(account: Account) -> None:
    with pytest.raises(StackFailedError, match=r"CpuOptions\.CoreCount is not emulated"):
        account.create("odd-template", template(CpuOptions={"CoreCount": 2}))
    account.delete("odd-template")


def test_address_in_use_is_not_released(account: Account) -> None:
    with account.stack(GATEWAY) as stack:
        ec2 = account.client("ec2")
        address = account.resource(stack, "Address")
        found = ec2.describe_addresses()["Addresses"]
        allocation = next(i["AllocationId"] for i in found if i["PublicIp"] == address)
        subnet = account.resource(stack, "SubnetA")
        with pytest.raises(ClientError, match="already associated"):
            ec2.create_nat_gateway(SubnetId=subnet, AllocationId=allocation)


def test_who_may_tag_some_kind_of_resource_tags_no_other(account: Account) -> None:
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "Tagged", "VpcId": ref("Vpc")},
    }
    arn = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:security-group/*"
    tagger = role("account", {"Action": "ec2:CreateTags", "Resource": arn})
    tagger["Properties"]["RoleName"] = "tagger"
    with account.stack({**network(), "Group": group, "Tagger": tagger}) as stack:
        ec2 = account.assume("tagger").client("ec2")
        tags = [{"Key": "k", "Value": "v"}]
        ec2.create_tags(Resources=[account.resource(stack, "Group")], Tags=tags)
        with pytest.raises(ClientError, match="not authorized to perform: ec2:CreateTags"):
            ec2.create_tags(Resources=[account.resource(stack, "Vpc")], Tags=tags)
