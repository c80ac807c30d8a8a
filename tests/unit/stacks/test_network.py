from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from config.environments import DEV, PROD, TABLE
from tests.synthesis import Synthesis, references
from tests.tables import all_endpoints


def test_no_subnet_gives_out_public_addresses(synthesis: Synthesis) -> None:
    for environment in synthesis.environments:
        subnets = synthesis.template(environment, "Network").properties("AWS::EC2::Subnet")
        assert subnets
        assert not any(subnet.get("MapPublicIpOnLaunch") for subnet in subnets)


def test_private_subnets_leave_through_a_nat_gateway_only(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Network")
    private = {
        name
        for name, subnet in template.resources("AWS::EC2::Subnet").items()
        if {"Key": "kubernetes.io/role/internal-elb", "Value": "1"} in subnet["Properties"]["Tags"]
    }
    assert len(private) == len(PROD.network.zones)
    tables = {
        next(references(association["RouteTableId"]))
        for association in template.properties("AWS::EC2::SubnetRouteTableAssociation")
        if next(references(association["SubnetId"])) in private
    }
    routes = [
        route
        for route in template.properties("AWS::EC2::Route")
        if next(references(route["RouteTableId"])) in tables
    ]
    assert len(routes) == len(private)
    assert all("NatGatewayId" in route and "GatewayId" not in route for route in routes)


def test_number_of_nat_gateways_follows_the_table(synthesis: Synthesis) -> None:
    counts = {
        environment: len(
            synthesis.template(environment, "Network").resources("AWS::EC2::NatGateway")
        )
        for environment in synthesis.environments
    }
    assert counts == {one.name: one.network.nat_gateways for one in TABLE.environments}


def test_all_traffic_is_logged_and_kept_for_a_while(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Network")
    flow_log = template.only("AWS::EC2::FlowLog")
    assert flow_log["TrafficType"] == "ALL"
    assert flow_log["ResourceType"] == "VPC"
    assert (
        template.only("AWS::Logs::LogGroup")["RetentionInDays"]
        == PROD.network.flow_log_retention_days
    )


def test_the_flow_logs_role_is_for_flow_logs_of_this_account_alone(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Network")
    name, _ = template.only("AWS::EC2::FlowLog")["DeliverLogsPermissionArn"]["Fn::GetAtt"]
    role = template.resources("AWS::IAM::Role")[name]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    account = next(stack.environment.account for stack in synthesis.stacks("prod"))
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{PROD.region}:{account}:vpc-flow-log/*"},
    }


def test_the_function_that_cdk_brings_leaves_no_log_group_behind(synthesis: Synthesis) -> None:
    """Lambda makes one by itself for a function that names none, and nobody deletes it."""
    template = synthesis.template("dev", "Network")
    logging = template.only("AWS::Lambda::Function")["LoggingConfig"]
    assert logging["LogGroup"]["Ref"] in template.resources("AWS::Logs::LogGroup")


def test_default_security_group_lets_nothing_through(synthesis: Synthesis) -> None:
    template = synthesis.template("dev", "Network")
    closed = template.only("Custom::VpcRestrictDefaultSG")
    assert next(references(closed["DefaultSecurityGroupId"])).startswith("NetworkVpc")


def test_s3_is_reached_without_a_nat_gateway(synthesis: Synthesis) -> None:
    template = synthesis.template("dev", "Network")
    (endpoint,) = template.properties("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert len(endpoint["RouteTableIds"]) >= len(DEV.network.zones)


def test_private_subnets_hold_thousands_of_pods(synthesis: Synthesis) -> None:
    template = synthesis.template("dev", "Network")
    subnets = [IPv4Network(s["CidrBlock"]) for s in template.properties("AWS::EC2::Subnet")]
    big = [subnet for subnet in subnets if subnet.num_addresses > 4000]
    assert len(big) == len(DEV.network.zones) == len(subnets) / 2
    assert all(subnet.subnet_of(DEV.network.network) for subnet in subnets)


def test_services_of_the_table_answer_in_every_zone_by_their_own_names(
    synthesis: Synthesis,
) -> None:
    template = synthesis.template("prod", "Network")
    endpoints = [
        endpoint
        for endpoint in template.properties("AWS::EC2::VPCEndpoint")
        if endpoint["VpcEndpointType"] == "Interface"
    ]
    prefix = f"com.amazonaws.{PROD.region}."
    names = {endpoint["ServiceName"].removeprefix(prefix) for endpoint in endpoints}
    assert names == set(PROD.network.interface_endpoints)
    for endpoint in endpoints:
        assert endpoint["PrivateDnsEnabled"] is True
        subnets = {str(next(references(subnet))) for subnet in endpoint["SubnetIds"]}
        assert len(subnets) == len(PROD.network.zones)
        assert all("Private" in subnet for subnet in subnets)
    # Their names have to resolve.
    vpc = template.only("AWS::EC2::VPC")
    assert vpc["EnableDnsHostnames"] is vpc["EnableDnsSupport"] is True


def test_only_the_vpc_reaches_the_endpoints(tmp_path: Path) -> None:
    table = replace(TABLE, environments=(all_endpoints(PROD),))
    template = Synthesis(table, tmp_path).template("prod", "Network")
    group = template.only("AWS::EC2::SecurityGroup")
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == (PROD.network.cidr, 443, 443)
    (out,) = group["SecurityGroupEgress"]
    assert out["CidrIp"] == "255.255.255.255/32"
    (logical_id,) = template.resources("AWS::EC2::SecurityGroup")
    for endpoint in template.properties("AWS::EC2::VPCEndpoint"):
        if endpoint["VpcEndpointType"] == "Interface":
            (used,) = (next(references(g)) for g in endpoint["SecurityGroupIds"])
            assert used == logical_id


def test_the_load_balancer_controller_finds_its_subnets(synthesis: Synthesis) -> None:
    for environment in TABLE.environments:
        template, zones = synthesis.template(environment.name, "Network"), environment.network.zones
        tags = [
            {tag["Key"] for tag in subnet["Tags"] if tag["Value"] == "1"}
            for subnet in template.properties("AWS::EC2::Subnet")
        ]
        assert sum("kubernetes.io/role/elb" in keys for keys in tags) == len(zones)
        assert sum("kubernetes.io/role/internal-elb" in keys for keys in tags) == len(zones)
