"""What the parts of Organizations share: MiniStack's stores, its own errors, who belongs where."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.aws import internals, responses

Call = Callable[[Mapping[str, Any]], Mapping[str, Any]]

ACCESS_ROLE = "OrganizationAccountAccessRole"
"""The role that CreateAccount makes when the call names none."""


class OrganizationsError(ValueError):
    """Organizations refuses a call; `code` is the error code a client sees."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def response(self) -> responses.Response:
        return responses.refusal(400, self.code, str(self))


def organizations() -> Any:
    return internals.module("services.organizations")


def management_of(account: str) -> str | None:
    """The management account of the organization that an account belongs to."""
    for management, member in list(organizations()._accounts._data):
        if member == account:
            return str(management)
    return None


def add(name: str, known: Iterable[str], call: Call) -> None:
    """Answer an API call; members of a request that nothing would read are refused."""

    def handle(payload: Mapping[str, Any]) -> responses.Response:
        try:
            unknown = sorted(set(payload) - set(known))
            if unknown:
                raise OrganizationsError(
                    "InvalidInputException", f"{name} {', '.join(unknown)} is not emulated."
                )
            require_organization()
            return responses.answer(call(payload))
        except OrganizationsError as error:
            return error.response

    organizations()._DISPATCH[name] = handle


def check(name: str, before: Callable[[Mapping[str, Any]], None]) -> None:
    """Put a check before one of MiniStack's calls."""
    stock = internals.member(organizations(), "_DISPATCH")[name]

    def handle(payload: Mapping[str, Any]) -> Any:
        try:
            require_organization()
            before(payload)
        except OrganizationsError as error:
            return error.response
        return stock(payload)

    organizations()._DISPATCH[name] = handle


def require_organization() -> None:
    if "self" not in organizations()._orgs:
        raise OrganizationsError(
            "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."
        )


def children(parent: str) -> list[str]:
    """Names of what lies directly in a root or an organizational unit."""
    service = organizations()
    inside = [*service._ous.values(), *service._accounts.values()]
    return [record["Name"] for record in inside if record["_ParentId"] == parent]


def attach_full_access(target: str) -> None:
    """What AWS attaches to each target while the policies of its kind are enabled."""
    service = organizations()
    attached = list(service._attachments.get(service.FULL_ACCESS_POLICY_ID) or [])
    if target not in attached:
        service._attachments[service.FULL_ACCESS_POLICY_ID] = [*attached, target]
