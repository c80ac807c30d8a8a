"""Trust policies decide who gets a role: by account, by role, with a second factor, how long."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import totp
from tests.local_aws.support import ACCOUNT, Account, StackFailedError, role

OTHER = "222222222222"
MAY_ASSUME = {
    "PolicyName": "assume",
    "PolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
    },
}


def trusting(account: str, condition: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    """A role that an account's principals may assume on a condition."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trust, **properties},
    }


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@dataclass(frozen=True)
class Person:
    """A user with a long-term key and a virtual device."""

    account: Account
    serial: str
    seed: str

    def factor(self, code: str | None = None) -> dict[str, str]:
        return {
            "SerialNumber": self.serial,
            "TokenCode": code or totp.code(self.seed, time.time()),
        }


@pytest.fixture(scope="module")
def person(other_account: Account) -> Iterator[Person]:
    resources = {"User": {"Type": "AWS::IAM::User", "Properties": {"Policies": [MAY_ASSUME]}}}
    iam = other_account.client("iam")
    with other_account.stack(resources) as stack:
        user = other_account.resource(stack, "User")
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
        seed = device["Base32StringSeed"].decode()
        with pytest.raises(ClientError, match="InvalidAuthenticationCode"):
            _enable(iam, user, device["SerialNumber"], "000000", "000000")
        now = time.time()
        codes = [totp.code(seed, at) for at in (now - totp.STEP_SECONDS, now)]
        _enable(iam, user, device["SerialNumber"], *codes)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        account = Account(other_account.server, key["AccessKeyId"], key["SecretAccessKey"])
        yield Person(account, device["SerialNumber"], seed)
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        iam.deactivate_mfa_device(UserName=user, SerialNumber=device["SerialNumber"])


def _enable(iam: Any, user: str, serial: str, one: str, two: str) -> None:
    iam.enable_mfa_device(
        UserName=user, SerialNumber=serial, AuthenticationCode1=one, AuthenticationCode2=two
    )


@pytest.fixture(scope="module")
def roles(account: Account, person: Person) -> Iterator[dict[str, str]]:
    """ARNs of roles by what they ask of who assumes them."""
    resources = {
        "Factor": trusting(OTHER, MFA, MaxSessionDuration=7200),
        "Fresh": trusting(OTHER, {"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}),
        "External": trusting(OTHER, {"StringEquals": {"sts:ExternalId": "shared"}}),
        "Stranger": trusting("333333333333", MFA),
        "Service": role("lambda.amazonaws.com"),
    }
    with account.stack(resources) as stack:
        yield {
            name: f"arn:aws:iam::{ACCOUNT}:role/{account.resource(stack, name)}"
            for name in resources
        }


def assume(somebody: Account, arn: str, **more: Any) -> Account:
    made = somebody.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)
    keys = made["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return Account(somebody.server, *(keys[name] for name in names))


@pytest.mark.parametrize("name", ["Factor", "Fresh"])
def test_a_role_that_asks_for_a_second_factor_gets_it(
    person: Person, roles: dict[str, str], name: str
) -> None:
    said = assume(person.account, roles[name], **person.factor()).client("sts")
    assert roles[name].rsplit("/", 1)[-1] in said.get_caller_identity()["Arn"]
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(person.account, roles[name])


def test_a_code_must_be_right_and_the_device_ones_own(
    person: Person, roles: dict[str, str], other_account: Account
) -> None:
    stale = totp.code(person.seed, time.time() - 10 * totp.STEP_SECONDS)
    with pytest.raises(ClientError, match="invalid MFA one time pass code"):
        assume(person.account, roles["Factor"], **person.factor(stale))
    with pytest.raises(ClientError, match="must provide both MFA serial number"):
        assume(person.account, roles["Factor"], SerialNumber=person.serial)
    with pytest.raises(ClientError, match="associated with this user"):
        assume(other_account, roles["Factor"], **person.factor())


def test_a_session_got_with_a_second_factor_carries_it_one_step(
    person: Person, roles: dict[str, str]
) -> None:
    sts = person.account.client("sts")
    plain, strong = (
        Account(
            person.account.server,
            *(made[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")),
        )
        for made in (
            sts.get_session_token()["Credentials"],
            sts.get_session_token(**person.factor())["Credentials"],
        )
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(plain, roles["Factor"])
    inside = assume(strong, roles["Factor"])
    # A role's session doesn't carry it on: what it assumes next sees no second factor.
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(inside, roles["Factor"])


def test_only_who_is_trusted_gets_in(person: Person, roles: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(person.account, roles["Stranger"], **person.factor())
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(person.account, roles["External"])
    assume(person.account, roles["External"], ExternalId="shared")


def test_trust_in_a_service_lets_no_root_in(
    account: Account, other_account: Account, roles: dict[str, str]
) -> None:
    for root in (account, other_account):
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(root, roles["Service"])


def test_a_condition_on_the_callers_role_sees_the_role_and_not_its_session(
    account: Account,
) -> None:
    caller = role("account", {"Action": "sts:AssumeRole", "Resource": "*"})
    named = {**caller, "Properties": {**caller["Properties"], "RoleName": "pipeline"}}
    only = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/pipeline"}}
    with account.stack(
        {"Pipeline": named, "Other": caller, "Target": trusting(ACCOUNT, only)}
    ) as s:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{account.resource(s, 'Target')}"
        assume(account.assume("pipeline"), arn)
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(account.assume(account.resource(s, "Other")), arn)


def test_a_session_lasts_no_longer_than_its_role_allows(
    person: Person, roles: dict[str, str]
) -> None:
    assume(person.account, roles["Factor"], DurationSeconds=7200, **person.factor())
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        assume(person.account, roles["Factor"], DurationSeconds=7201, **person.factor())


def test_a_session_from_a_session_lasts_an_hour_at_most(account: Account) -> None:
    caller = role("account", {"Action": "sts:AssumeRole", "Resource": "*"})
    long = {**caller, "Properties": {**caller["Properties"], "MaxSessionDuration": 7200}}
    with account.stack({"Caller": caller, "Long": long}) as stack:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{account.resource(stack, 'Long')}"
        inside = account.assume(account.resource(stack, "Caller"))
        assume(inside, arn, DurationSeconds=3600)
        with pytest.raises(ClientError, match="role chaining"):
            assume(inside, arn, DurationSeconds=3601)


@pytest.mark.parametrize("seconds", [3599, 43201])
def test_a_limit_that_iam_refuses_is_refused(account: Account, seconds: int) -> None:
    with pytest.raises(StackFailedError, match="between 3600 and 43200"):
        account.create("session-limit", {"Role": trusting(OTHER, MFA, MaxSessionDuration=seconds)})
    account.delete("session-limit")


def test_a_limit_that_iam_refuses_is_refused_by_its_api_too(account: Account) -> None:
    with account.stack({"Role": trusting(OTHER, MFA)}) as stack:
        iam, name = account.client("iam"), account.resource(stack, "Role")
        with pytest.raises(ClientError, match="between 3600 and 43200"):
            iam.update_role(RoleName=name, MaxSessionDuration=43201)
        assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 3600


def test_a_seed_is_told_once(person: Person, other_account: Account) -> None:
    devices = other_account.client("iam").list_virtual_mfa_devices()["VirtualMFADevices"]
    (device,) = (d for d in devices if d["SerialNumber"] == person.serial)
    assert "Base32StringSeed" not in device
