from tests.synthesis import Synthesis, references


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
    assert len(private) == 3
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
    assert len(routes) == 3
    assert all("NatGatewayId" in route and "GatewayId" not in route for route in routes)


def test_number_of_nat_gateways_follows_the_table(synthesis: Synthesis) -> None:
    counts = {
        environment: len(
            synthesis.template(environment, "Network").resources("AWS::EC2::NatGateway")
        )
        for environment in synthesis.environments
    }
    assert counts == {"dev": 1, "stage": 3, "prod": 3}


def test_all_traffic_is_logged_and_kept_for_a_while(synthesis: Synthesis) -> None:
    template = synthesis.template("prod", "Network")
    flow_log = template.only("AWS::EC2::FlowLog")
    assert flow_log["TrafficType"] == "ALL"
    assert flow_log["ResourceType"] == "VPC"
    assert template.only("AWS::Logs::LogGroup")["RetentionInDays"] == 90


def test_default_security_group_lets_nothing_through(synthesis: Synthesis) -> None:
    template = synthesis.template("dev", "Network")
    closed = template.only("Custom::VpcRestrictDefaultSG")
    assert next(references(closed["DefaultSecurityGroupId"])).startswith("NetworkVpc")


def test_s3_is_reached_without_a_nat_gateway(synthesis: Synthesis) -> None:
    template = synthesis.template("dev", "Network")
    endpoint = template.only("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    private_tables = 2
    assert len(endpoint["RouteTableIds"]) >= private_tables


def test_private_subnets_hold_thousands_of_pods(synthesis: Synthesis) -> None:
    template = synthesis.template("dev", "Network")
    masks = [int(s["CidrBlock"].split("/")[1]) for s in template.properties("AWS::EC2::Subnet")]
    assert sorted(masks) == [18, 18, 24, 24]
