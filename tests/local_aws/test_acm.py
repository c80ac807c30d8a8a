"""A certificate as a stack asks for it: validated where its zone is, kept while it is used."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, Server, StackFailedError, network

DOMAIN = "platform.example.com"


@pytest.fixture(scope="module")
def zone(account: Account) -> str:
    """A hosted zone of example.com, by its id."""
    route53 = account.client("route53")
    made = route53.create_hosted_zone(Name="example.com", CallerReference=uuid.uuid4().hex)
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def certificate(zone: str, name: str = DOMAIN, **changes: Any) -> dict[str, Any]:
    option = {"DomainName": name, "HostedZoneId": zone}
    properties = {
        "DomainName": name,
        "ValidationMethod": "DNS",
        "DomainValidationOptions": [option],
        "Tags": [{"Key": "owner", "Value": "platform"}],
        **changes,
    }
    return {"Type": "AWS::CertificateManager::Certificate", "Properties": properties}


def test_it_is_issued_by_a_record_in_its_zone(account: Account, server: Server, zone: str) -> None:
    acm, route53 = account.client("acm"), account.client("route53")
    with account.stack({"Certificate": certificate(zone)}) as stack:
        arn = account.resource(stack, "Certificate")
        shown = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        assert (shown["Status"], shown["DomainName"]) == ("ISSUED", DOMAIN)
        (option,) = shown["DomainValidationOptions"]
        records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        written = {
            (record["Name"], value["Value"])
            for record in records
            for value in record["ResourceRecords"]
        }
        record = option["ResourceRecord"]
        assert (record["Name"], record["Value"]) in written
        tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
        assert {"Key": "owner", "Value": "platform"} in tags
        assert server.audit(stack) == []
        account.update(stack, {"Certificate": certificate(zone, f"other.{DOMAIN}")})
        assert account.resource(stack, "Certificate") != arn
    with pytest.raises(ClientError, match="ResourceNotFound"):
        acm.describe_certificate(CertificateArn=arn)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"DomainValidationOptions": []}, f"validates {DOMAIN}; DomainValidationOptions must name"),
        (
            {"DomainValidationOptions": [{"DomainName": DOMAIN, "HostedZoneId": "Z0NONE"}]},
            "No hosted zone found with ID: Z0NONE",
        ),
        ({"ValidationMethod": "EMAIL"}, "nobody answers the mail"),
        ({"KeyAlgorithm": "EC_prime256v1"}, "KeyAlgorithm is not emulated"),
    ],
)
def test_what_would_never_be_issued_is_refused(
    account: Account, zone: str, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StackFailedError, match=reason):
        account.create(f"test-{uuid.uuid4().hex[:8]}", {"Certificate": certificate(zone, **change)})


def test_a_name_of_another_zone_is_refused(account: Account, zone: str) -> None:
    with pytest.raises(StackFailedError, match=r"notexample\.com is not permitted in zone"):
        account.create(
            f"test-{uuid.uuid4().hex[:8]}", {"Certificate": certificate(zone, "notexample.com")}
        )


@pytest.fixture
def listen(account: Account) -> Iterator[Callable[[str], str]]:
    """Make a load balancer that listens with a certificate, and return its ARN."""
    elb = account.client("elbv2")
    with account.stack(network()) as stack:
        subnets = [account.resource(stack, name) for name in ("SubnetA", "SubnetB")]
        (made,) = elb.create_load_balancer(Name="certified", Subnets=subnets)["LoadBalancers"]
        balancer = str(made["LoadBalancerArn"])

        def start(arn: str) -> str:
            elb.create_listener(
                LoadBalancerArn=balancer,
                Protocol="HTTPS",
                Port=443,
                Certificates=[{"CertificateArn": arn}],
                DefaultActions=[
                    {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
                ],
            )
            return balancer

        yield start
        elb.delete_load_balancer(LoadBalancerArn=balancer)


def test_while_a_listener_has_it_it_stays(
    account: Account, zone: str, listen: Callable[[str], str]
) -> None:
    acm = account.client("acm")
    with account.stack({"Certificate": certificate(zone)}) as stack:
        arn = account.resource(stack, "Certificate")
        balancer = listen(arn)
        assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [balancer]
        with pytest.raises(ClientError, match="ResourceInUse"):
            acm.delete_certificate(CertificateArn=arn)
        (listener,) = account.client("elbv2").describe_listeners(LoadBalancerArn=balancer)[
            "Listeners"
        ]
        account.client("elbv2").delete_listener(ListenerArn=listener["ListenerArn"])
