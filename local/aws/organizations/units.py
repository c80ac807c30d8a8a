"""Organizational units: named once below a parent that is there, deleted when empty."""

from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.organizations.service import (
    OrganizationsError,
    add,
    attach_full_access,
    check,
    children,
    organizations,
)


def install() -> None:
    check("CreateOrganizationalUnit", _check_place)
    check("DeleteOrganizationalUnit", _check_empty)
    calls = internals.member(organizations(), "_DISPATCH")
    calls["CreateOrganizationalUnit"] = _attaching(calls["CreateOrganizationalUnit"])
    calls["DeleteOrganizationalUnit"] = _detaching(calls["DeleteOrganizationalUnit"])
    add("UpdateOrganizationalUnit", ("OrganizationalUnitId", "Name"), _rename)


def _check_place(payload: Mapping[str, Any]) -> None:
    parent, name = payload.get("ParentId", ""), payload.get("Name", "")
    if parent not in organizations()._roots and parent not in organizations()._ous:
        raise OrganizationsError(
            "ParentNotFoundException", f"We can't find a root or OU with the ParentId {parent}"
        )
    if name in children(parent):
        raise OrganizationsError(
            "DuplicateOrganizationalUnitException", f"An OU named {name} is there already."
        )


def _check_empty(payload: Mapping[str, Any]) -> None:
    inside = children(payload.get("OrganizationalUnitId", ""))
    if inside:
        raise OrganizationsError(
            "OrganizationalUnitNotEmptyException",
            f"The organizational unit still holds {', '.join(inside)}.",
        )


def _attaching(stock: Any) -> Any:
    def create(payload: Mapping[str, Any]) -> Any:
        service = organizations()
        known = set(service._ous)
        response = stock(payload)
        for unit in set(service._ous) - known:
            attach_full_access(unit)
        return response

    return create


def _detaching(stock: Any) -> Any:
    def delete(payload: Mapping[str, Any]) -> Any:
        response = stock(payload)
        for targets in organizations()._attachments.values():
            if payload.get("OrganizationalUnitId") in targets:
                targets.remove(payload["OrganizationalUnitId"])
        return response

    return delete


def _rename(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    record = organizations()._ous.get(payload.get("OrganizationalUnitId"))
    if record is None:
        raise OrganizationsError(
            "OrganizationalUnitNotFoundException", "You specified an OU that doesn't exist."
        )
    record["Name"] = payload.get("Name", record["Name"])
    return {"OrganizationalUnit": organizations()._public_ou(record)}
