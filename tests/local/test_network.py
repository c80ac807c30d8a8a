"""The network that boto3 sees in the account after a deploy."""

from tests.local.machine import Machine


def test_network_has_private_subnets_behind_one_nat_gateway(dev: Machine) -> None:
    ec2 = dev.client("ec2")
    (vpc,) = (v for v in ec2.describe_vpcs()["Vpcs"] if v["CidrBlock"] == "10.10.0.0/16")
    mine = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    subnets = ec2.describe_subnets(Filters=mine)["Subnets"]
    assert sorted(s["AvailabilityZone"] for s in subnets) == [
        "eu-central-1a",
        "eu-central-1a",
        "eu-central-1b",
        "eu-central-1b",
    ]
    assert not any(s["MapPublicIpOnLaunch"] for s in subnets)
    (gateway,) = ec2.describe_nat_gateways()["NatGateways"]
    assert gateway["State"] == "available"
    (flow_log,) = ec2.describe_flow_logs()["FlowLogs"]
    assert flow_log["ResourceId"] == vpc["VpcId"]
    assert flow_log["DeliverLogsStatus"] == "SUCCESS"
    (default,) = ec2.describe_security_groups(
        Filters=[*mine, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    assert default["IpPermissions"] == []
    assert default["IpPermissionsEgress"] == []


def test_subnets_are_tagged_for_the_load_balancer_controller(dev: Machine) -> None:
    ec2 = dev.client("ec2")
    for role in ("elb", "internal-elb"):
        found = ec2.describe_subnets(
            Filters=[{"Name": f"tag:kubernetes.io/role/{role}", "Values": ["1"]}]
        )["Subnets"]
        assert {s["AvailabilityZone"] for s in found} == {"eu-central-1a", "eu-central-1b"}


def test_buckets_are_reached_without_the_way_out(dev: Machine) -> None:
    """By a gateway endpoint for S3 in every route table of the VPC, private subnets' above all."""
    ec2 = dev.client("ec2")
    (vpc,) = dev.resources("Network", "AWS::EC2::VPC")
    mine = [{"Name": "vpc-id", "Values": [vpc]}]
    (endpoint,) = ec2.describe_vpc_endpoints(Filters=mine)["VpcEndpoints"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["ServiceName"] == "com.amazonaws.eu-central-1.s3"
    assert endpoint["State"] == "available"
    private = {
        table["RouteTableId"]
        for table in ec2.describe_route_tables(Filters=mine)["RouteTables"]
        if any("NatGatewayId" in route for route in table["Routes"])
    }
    assert len(private) == 2
    assert private < set(endpoint["RouteTableIds"])


def test_no_node_has_a_public_address(dev: Machine) -> None:
    reservations = dev.client("ec2").describe_instances()["Reservations"]
    nodes = [instance for r in reservations for instance in r["Instances"]]
    assert len(nodes) == 2
    for node in nodes:
        assert node["PrivateIpAddress"].startswith("10.10.")
        assert not node.get("PublicIpAddress")
