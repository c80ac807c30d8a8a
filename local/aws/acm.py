"""ACM: a stack's certificate is validated in its hosted zone, and stays while a listener has it."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.elbv2.certificates import EXTRA
from local.aws.elbv2.service import elbv2
from local.aws.resource_types import (
    Attributes,
    NotEmulatedError,
    Properties,
    ResourceType,
    refuse_unknown,
    register,
    tag_map,
    words,
)
from local.aws.responses import Response

_NAME = "AWS::CertificateManager::Certificate"
_TTL = 300


def install() -> None:
    register(
        ResourceType(
            name=_NAME,
            properties=words(
                "DomainName DomainValidationOptions SubjectAlternativeNames ValidationMethod"
            ),
            create_only=words(
                "DomainName DomainValidationOptions SubjectAlternativeNames ValidationMethod"
            ),
            create=_create,
            update=_update,
            delete=_delete,
        )
    )
    service = internals.module("services.acm")
    internals.replace(service, "_delete_certificate", _unless_used)
    internals.replace(service, "_cert_shape", _with_users)


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
    if properties.get("ValidationMethod", "EMAIL") != "DNS":
        raise NotEmulatedError(f"{_NAME}: nobody answers the mail of ValidationMethod EMAIL here.")
    names = [properties["DomainName"], *properties.get("SubjectAlternativeNames", [])]
    zones = {name: _zone(name, properties) for name in names}
    service = internals.module("services.acm")
    asked = {"DomainName": names[0], "SubjectAlternativeNames": names, "ValidationMethod": "DNS"}
    arn = str(
        responses.document(service._request_certificate({**asked, "Tags": _tags(properties)}))[
            "CertificateArn"
        ]
    )
    for option in service._certificates[arn]["DomainValidationOptions"]:
        _write(zones[option["DomainName"]], option["ResourceRecord"])
    return arn, {"Arn": arn, "CertificateArn": arn}


def _zone(name: str, properties: Properties) -> str:
    """Return the hosted zone that a name is validated in. Raises ValueError where it can't be."""
    options: dict[str, str] = {}
    for option in properties.get("DomainValidationOptions", []):
        refuse_unknown(f"{_NAME} DomainValidationOptions", option, words("DomainName HostedZoneId"))
        options[option["DomainName"]] = option.get("HostedZoneId", "")
    if not (zone_id := options.get(name)):
        raise ValueError(
            f"{_NAME}: CloudFormation would wait until somebody wrote the record that validates "
            f"{name}; DomainValidationOptions must name its HostedZoneId."
        )
    zone = internals.module("services.route53")._zones.get(zone_id)
    if zone is None:
        raise ValueError(f"{_NAME}: No hosted zone found with ID: {zone_id}")
    domain = str(zone["name"]).rstrip(".")
    if not f".{name}".endswith(f".{domain}"):
        raise ValueError(f"{_NAME}: {name} is not permitted in zone {domain}, which is {zone_id}.")
    return zone_id


def _write(zone_id: str, record: Mapping[str, str]) -> None:
    """Write the record that validates; like CloudFormation's, it outlives the certificate."""
    responses.body(
        internals.module("services.route53")._change_resource_record_sets(
            zone_id,
            (
                "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change>"
                "<Action>UPSERT</Action><ResourceRecordSet>"
                f"<Name>{record['Name']}</Name><Type>{record['Type']}</Type><TTL>{_TTL}</TTL>"
                f"<ResourceRecords><ResourceRecord><Value>{record['Value']}</Value>"
                "</ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes>"
                "</ChangeBatch></ChangeResourceRecordSetsRequest>"
            ).encode(),
        )
    )


def _update(arn: str, _old: Properties, new: Properties) -> Attributes:
    service = internals.module("services.acm")
    service._certificates[arn]["Tags"] = _tags(new)
    return {"Arn": arn, "CertificateArn": arn}


def _tags(properties: Properties) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in tag_map(properties.get("Tags")).items()]


def _delete(arn: str, _properties: Properties) -> None:
    service = internals.module("services.acm")
    if arn in service._certificates:
        responses.body(service._delete_certificate({"CertificateArn": arn}))


def _users(arn: str) -> Iterator[str]:
    """Yield the load balancers whose listeners have the certificate."""
    for listener in elbv2()._listeners.values():
        if arn in (*listener.get("Certificates", ()), *listener.get(EXTRA, ())):
            yield str(listener["LoadBalancerArn"])


def _unless_used(stock: Any) -> Any:
    def delete(data: Mapping[str, Any]) -> Response:
        arn = data.get("CertificateArn", "")
        if list(_users(arn)):
            message = f"Certificate {arn} in account {internals.account()} is in use."
            return responses.refusal(400, "ResourceInUseException", message)
        answer: Response = stock(data)
        return answer

    return delete


def _with_users(stock: Any) -> Any:
    def shape(certificate: Mapping[str, Any]) -> dict[str, Any]:
        shown = stock(certificate)
        users = {*shown["InUseBy"], *_users(certificate["CertificateArn"])}
        return {**shown, "InUseBy": sorted(users)}

    return shape
