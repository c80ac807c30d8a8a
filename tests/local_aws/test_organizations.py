"""An organization is made and taken away by calls, and its guard rails bind its members."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, Server

MANAGEMENT = "777777777777"
ACCESS_ROLE = "OrganizationAccountAccessRole"
SCP = "SERVICE_CONTROL_POLICY"


@pytest.fixture(scope="module")
def management(server: Server) -> Iterator[Account]:
    """An account with an organization, which goes when the tests end."""
    account = Account(server, MANAGEMENT)
    organizations = account.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    organizations.enable_policy_type(RootId=root(account), PolicyType=SCP)
    yield account
    for member in organizations.list_accounts()["Accounts"]:
        if member["Id"] != MANAGEMENT:
            organizations.remove_account_from_organization(AccountId=member["Id"])
    organizations.delete_organization()


@pytest.fixture(scope="module")
def member(management: Account) -> str:
    """The id of an account in it."""
    return create(management, "member", "member@example.com")


def root(management: Account) -> str:
    identifier: str = management.client("organizations").list_roots()["Roots"][0]["Id"]
    return identifier


def create(management: Account, name: str, email: str) -> str:
    made = management.client("organizations").create_account(AccountName=name, Email=email)
    identifier: str = made["CreateAccountStatus"]["AccountId"]
    return identifier


def administrator(management: Account, member: str) -> Account:
    """The management account's way into a member, by the role that CreateAccount made."""
    arn = f"arn:aws:iam::{member}:role/{ACCESS_ROLE}"
    sts = management.client("sts")
    made = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return Account(
        management.server, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    )


@pytest.fixture
def guard_rail(management: Account) -> Iterator[Any]:
    """Attaches a policy to the root; it goes when the test ends."""
    organizations = management.client("organizations")
    attached = []

    def attach(**statement: Any) -> str:
        content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", **statement}]}
        made = organizations.create_policy(
            Name="rail", Description="", Type=SCP, Content=json.dumps(content)
        )
        identifier: str = made["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=identifier, TargetId=root(management))
        attached.append(identifier)
        return identifier

    yield attach
    for identifier in attached:
        organizations.detach_policy(PolicyId=identifier, TargetId=root(management))
        organizations.delete_policy(PolicyId=identifier)


def test_nobody_has_an_organization_that_they_did_not_make(other_account: Account) -> None:
    organizations = other_account.client("organizations")
    with pytest.raises(organizations.exceptions.AWSOrganizationsNotInUseException):
        organizations.describe_organization()
    with pytest.raises(organizations.exceptions.AWSOrganizationsNotInUseException):
        organizations.list_roots()


def test_there_is_one_organization_an_account(management: Account) -> None:
    organizations = management.client("organizations")
    with pytest.raises(organizations.exceptions.AlreadyInOrganizationException):
        organizations.create_organization()


def test_an_organization_with_members_stays(management: Account, member: str) -> None:
    organizations = management.client("organizations")
    with pytest.raises(organizations.exceptions.OrganizationNotEmptyException):
        organizations.delete_organization()


def test_members_see_their_organization(management: Account, member: str) -> None:
    inside = administrator(management, member).client("organizations")
    assert inside.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT


def test_an_email_address_has_one_account(management: Account, member: str) -> None:
    organizations = management.client("organizations")
    status = organizations.create_account(AccountName="other", Email="Member@example.com")
    assert status["CreateAccountStatus"]["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    accounts = organizations.list_accounts()["Accounts"]
    assert "other" not in {account["Name"] for account in accounts}


def test_units_lie_below_what_is_there_and_have_names_of_their_own(management: Account) -> None:
    organizations = management.client("organizations")
    with pytest.raises(organizations.exceptions.ParentNotFoundException):
        organizations.create_organizational_unit(ParentId="ou-none-12345678", Name="lost")
    top = organizations.create_organizational_unit(ParentId=root(management), Name="top")
    identifier = top["OrganizationalUnit"]["Id"]
    with pytest.raises(organizations.exceptions.DuplicateOrganizationalUnitException):
        organizations.create_organizational_unit(ParentId=root(management), Name="top")
    inner = organizations.create_organizational_unit(ParentId=identifier, Name="inner")
    with pytest.raises(organizations.exceptions.OrganizationalUnitNotEmptyException):
        organizations.delete_organizational_unit(OrganizationalUnitId=identifier)
    for unit in (inner["OrganizationalUnit"]["Id"], identifier):
        organizations.delete_organizational_unit(OrganizationalUnitId=unit)


def test_services_are_let_in_by_a_call(management: Account) -> None:
    organizations = management.client("organizations")
    organizations.enable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    shown = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [one["ServicePrincipal"] for one in shown] == ["cloudtrail.amazonaws.com"]
    organizations.disable_aws_service_access(ServicePrincipal="cloudtrail.amazonaws.com")
    shown = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert shown == []


def test_a_guard_rail_denies_until_it_is_taken_away(
    management: Account, member: str, guard_rail: Any
) -> None:
    inside = administrator(management, member).client("s3")
    inside.list_buckets()
    identifier = guard_rail(Action="s3:ListAllMyBuckets", Resource="*")
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        inside.list_buckets()
    management.client("organizations").update_policy(
        PolicyId=identifier,
        Content=json.dumps(
            {"Statement": [{"Effect": "Deny", "Action": "s3:CreateBucket", "Resource": "*"}]}
        ),
    )
    inside.list_buckets()


def test_a_guard_rail_binds_the_root_of_a_member_and_not_the_management(
    management: Account, member: str, guard_rail: Any
) -> None:
    condition = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}
    guard_rail(Action="*", Resource="*", Condition=condition)
    with pytest.raises(ClientError, match="service control policy"):
        Account(management.server, member).client("s3").list_buckets()
    management.client("s3").list_buckets()
    administrator(management, member).client("s3").list_buckets()


def test_a_guard_rail_knows_a_role_by_its_arn(
    management: Account, member: str, guard_rail: Any
) -> None:
    exempt = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/{ACCESS_ROLE}"}}
    guard_rail(Action="s3:ListAllMyBuckets", Resource="*", Condition=exempt)
    administrator(management, member).client("s3").list_buckets()
    with pytest.raises(ClientError, match="service control policy"):
        Account(management.server, member).client("s3").list_buckets()


def test_a_level_without_an_allow_denies(management: Account, member: str) -> None:
    organizations = management.client("organizations")
    unit = organizations.create_organizational_unit(ParentId=root(management), Name="closed")
    identifier = unit["OrganizationalUnit"]["Id"]
    here, there = (root(management), identifier)
    organizations.move_account(AccountId=member, SourceParentId=here, DestinationParentId=there)
    inside = administrator(management, member).client("s3")
    inside.list_buckets()
    organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=identifier)
    with pytest.raises(ClientError, match="service control policy"):
        inside.list_buckets()
    organizations.move_account(AccountId=member, SourceParentId=there, DestinationParentId=here)
    organizations.delete_organizational_unit(OrganizationalUnitId=identifier)


def test_policies_are_as_long_and_as_many_as_aws_takes(management: Account) -> None:
    organizations = management.client("organizations")
    statement = {"Effect": "Deny", "Action": ["s3:" + "x" * 5100], "Resource": "*"}
    with pytest.raises(ClientError, match="exceeds the limit of 5120"):
        organizations.create_policy(
            Name="long", Description="", Type=SCP, Content=json.dumps({"Statement": [statement]})
        )
    made = []
    content = json.dumps({"Statement": [{**statement, "Action": "s3:DeleteBucket"}]})
    for number in range(5):
        policy = organizations.create_policy(
            Name=f"many-{number}", Description="", Type=SCP, Content=content
        )
        made.append(policy["Policy"]["PolicySummary"]["Id"])
    for identifier in made[:4]:
        organizations.attach_policy(PolicyId=identifier, TargetId=root(management))
    with pytest.raises(ClientError, match="maximum number of policies"):
        organizations.attach_policy(PolicyId=made[4], TargetId=root(management))
    for identifier in made[:4]:
        organizations.detach_policy(PolicyId=identifier, TargetId=root(management))
    for identifier in made:
        organizations.delete_policy(PolicyId=identifier)


def test_an_account_that_leaves_is_bound_no_more(management: Account, guard_rail: Any) -> None:
    leaver = Account(management.server, create(management, "leaver", "leaver@example.com"))
    guard_rail(Action="organizations:LeaveOrganization", Resource="*")
    with pytest.raises(ClientError, match="service control policy"):
        leaver.client("organizations").leave_organization()
    organizations = management.client("organizations")
    organizations.remove_account_from_organization(AccountId=leaver.key)
    with pytest.raises(organizations.exceptions.AWSOrganizationsNotInUseException):
        leaver.client("organizations").describe_organization()


def test_what_is_not_emulated_is_refused(management: Account) -> None:
    organizations = management.client("organizations")
    with pytest.raises(ClientError, match="InvalidAction"):
        organizations.list_handshakes_for_organization()
