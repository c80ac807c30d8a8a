"""The organization itself: made by a call, where MiniStack makes one for whoever asks about it."""

import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.organizations.service import (
    OrganizationsError,
    add,
    management_of,
    organizations,
    require_organization,
)

_service_access: dict[str, dict[str, float]] = {}
"""Service principals that a management account lets in, with when."""


def install() -> None:
    service = organizations()
    make = internals.member(service, "_ensure_org")
    calls = internals.member(service, "_DISPATCH")
    for name, stock in list(calls.items()):
        calls[name] = _in_an_organization(stock)
    calls["DescribeOrganization"] = _as_the_management(service._describe_organization)
    internals.replace(service, "_ensure_org", lambda _stock: require_organization)
    calls["CreateOrganization"] = lambda payload: _create(make, payload)
    add("DeleteOrganization", (), _delete)
    add("EnableAWSServiceAccess", ("ServicePrincipal",), _enable_service)
    add("DisableAWSServiceAccess", ("ServicePrincipal",), _disable_service)
    add("ListAWSServiceAccessForOrganization", ("MaxResults", "NextToken"), _services)
    internals.replace(
        internals.module("core.iam_evaluator"), "_principal_org_id", lambda _stock: _id_of
    )


def service_access(management: str, principal: str) -> bool:
    """Whether the organization lets a service into its accounts."""
    return principal in _service_access.get(management, {})


def _in_an_organization(stock: Any) -> Any:
    def handle(payload: Mapping[str, Any]) -> Any:
        try:
            require_organization()
        except OrganizationsError as error:
            return error.response
        return stock(payload)

    return handle


def _as_the_management(stock: Any) -> Any:
    """Members see their organization too."""

    def handle(payload: Mapping[str, Any]) -> Any:
        management = management_of(internals.account())
        if management is None:
            return _in_an_organization(stock)(payload)
        with internals.acting_in(management):
            return stock(payload)

    return handle


def _id_of(account: str) -> str | None:
    management = management_of(account)
    record = organizations()._orgs.get_scoped(management, None, "self") if management else None
    return record["Id"] if record else None


def _create(make: Any, payload: Mapping[str, Any]) -> responses.Response:
    if payload.get("FeatureSet", "ALL") != "ALL" or set(payload) - {"FeatureSet"}:
        return OrganizationsError(
            "InvalidInputException", "CreateOrganization is emulated with FeatureSet ALL only."
        ).response
    if management_of(internals.account()) is not None:
        return OrganizationsError(
            "AlreadyInOrganizationException", "Your account is already in an organization."
        ).response
    make()
    service = organizations()
    record = service._orgs["self"]
    # Policies of a kind are enabled by a call of their own.
    for root in service._roots.values():
        root["PolicyTypes"] = []
    return responses.answer({"Organization": record})


def _delete(_payload: Mapping[str, Any]) -> Mapping[str, Any]:
    service = organizations()
    if len(service._accounts) > 1:
        raise OrganizationsError(
            "OrganizationNotEmptyException",
            "To delete an organization you must first remove all member accounts.",
        )
    for store in (
        service._orgs, service._roots, service._ous, service._accounts, service._policies,
        service._attachments, service._tags,
    ):  # fmt: skip
        for key in list(store):
            store.pop(key)
    _service_access.pop(internals.account(), None)
    return {}


def _enable_service(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    enabled = _service_access.setdefault(internals.account(), {})
    enabled.setdefault(payload["ServicePrincipal"], int(time.time()))
    return {}


def _disable_service(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    _service_access.get(internals.account(), {}).pop(payload["ServicePrincipal"], None)
    return {}


def _services(_payload: Mapping[str, Any]) -> Mapping[str, Any]:
    enabled = _service_access.get(internals.account(), {})
    return {
        "EnabledServicePrincipals": [
            {"ServicePrincipal": name, "DateEnabled": since} for name, since in enabled.items()
        ]
    }
