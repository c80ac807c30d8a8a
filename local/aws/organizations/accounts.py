"""Member accounts: made with their access role, one e-mail address each, removed by a call."""

import json
import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.organizations.service import (
    ACCESS_ROLE,
    OrganizationsError,
    add,
    management_of,
    organizations,
)

_CREATE = ("AccountName", "Email", "IamUserAccessToBilling", "RoleName", "Tags")
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def install() -> None:
    stock = internals.member(organizations(), "_DISPATCH")["CreateAccount"]
    add("CreateAccount", _CREATE, lambda payload: _create(stock, payload))
    add("RemoveAccountFromOrganization", ("AccountId",), _remove)
    organizations()._DISPATCH["LeaveOrganization"] = _leave


def _create(stock: Any, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    service = organizations()
    taken = {record["Email"].lower() for record in service._accounts._data.values()}
    if payload.get("Email", "").lower() in taken:
        # AWS takes the request, and says afterwards that it didn't do it.
        request = f"car-{internals.module('core.responses').new_uuid().replace('-', '')[:8]}"
        service._create_statuses[request] = {
            "Id": request,
            "AccountName": payload["AccountName"],
            "State": "FAILED",
            "RequestedTimestamp": int(time.time()),
            "CompletedTimestamp": int(time.time()),
            "FailureReason": "EMAIL_ALREADY_EXISTS",
        }
        return {"CreateAccountStatus": service._create_statuses[request]}
    management = internals.account()
    answer = responses.document(stock(payload))
    with internals.acting_in(answer["CreateAccountStatus"]["AccountId"]):
        _make_access_role(payload.get("RoleName") or ACCESS_ROLE, management)
    return answer


def _make_access_role(name: str, management: str) -> None:
    """The role by which the management account gets into a new one."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{management}:root"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    handlers = internals.module("services.iam")._IAM_HANDLERS
    role = {"RoleName": [name], "AssumeRolePolicyDocument": [document]}
    responses.body(handlers["CreateRole"](role))
    attached = {"RoleName": [name], "PolicyArn": [_ADMINISTRATOR]}
    responses.body(handlers["AttachRolePolicy"](attached))


def _remove(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    account = payload.get("AccountId", "")
    if account not in organizations()._accounts:
        raise OrganizationsError(
            "AccountNotFoundException", f"We can't find an account with the AccountId {account}"
        )
    if account == internals.account():
        raise OrganizationsError(
            "MasterCannotLeaveOrganizationException", "The management account can't be removed."
        )
    organizations()._accounts.pop(account)
    for targets in organizations()._attachments.values():
        if account in targets:
            targets.remove(account)
    return {}


def _leave(_payload: Mapping[str, Any]) -> responses.Response:
    account = internals.account()
    management = management_of(account)
    try:
        if management is None:
            raise OrganizationsError(
                "AWSOrganizationsNotInUseException",
                "Your account is not a member of an organization.",
            )
        with internals.acting_in(management):
            return responses.answer(_remove({"AccountId": account}))
    except OrganizationsError as error:
        return error.response
