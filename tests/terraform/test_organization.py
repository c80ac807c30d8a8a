"""What `make accounts APPLY=1` makes on an empty stand-in, as AWS's own clients see it."""

import json

import pytest
from botocore.exceptions import ClientError

from config.accounts_file import FILE, read
from config.baseline import POLICIES
from config.people import ROLES
from tests.local_aws.support import Account
from tests.local_aws.test_account_settings import s3control
from tests.terraform.world import World

NAMES = ["dev", "stage", "prod", "tooling"]


def test_config_reads_what_was_made(organization: World) -> None:
    accounts = read(organization.seam)
    members = organization.management.client("organizations").list_accounts()["Accounts"]
    made = {account["Name"]: account["Id"] for account in members}
    assert {name: accounts[name] for name in NAMES} == {name: made[name] for name in NAMES}
    assert accounts.management == organization.management.key
    assert accounts.people == accounts.pipeline == made["tooling"]
    assert set(organization.made()) == set(json.loads(FILE.read_text()))


def test_accounts_lie_where_the_facts_say(organization: World) -> None:
    organizations = organization.management.client("organizations")
    for name, account in organization.facts("organization")["accounts"].items():
        path, child = [], organization.made()["accounts"][name]
        while not child.startswith("r-"):
            (parent,) = organizations.list_parents(ChildId=child)["Parents"]
            child = parent["Id"]
            if parent["Type"] == "ORGANIZATIONAL_UNIT":
                unit = organizations.describe_organizational_unit(OrganizationalUnitId=child)
                path.append(unit["OrganizationalUnit"]["Name"])
        assert "/".join(reversed(path)) == account["unit"]


@pytest.mark.parametrize("name", NAMES)
def test_an_account_has_its_baseline(organization: World, name: str) -> None:
    inside = organization.inside(name)
    account = organization.made()["accounts"][name]
    block = s3control(inside).get_public_access_block(AccountId=account)
    assert set(block["PublicAccessBlockConfiguration"].values()) == {True}
    assert inside.client("ec2").get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    policy = inside.client("iam").get_account_password_policy()["PasswordPolicy"]
    assert policy["MinimumPasswordLength"] >= 14
    (detector,) = inside.client("guardduty").list_detectors()["DetectorIds"]
    assert inside.client("guardduty").get_detector(DetectorId=detector)["Status"] == "ENABLED"
    budgets = inside.client("budgets")
    (budget,) = budgets.describe_budgets(AccountId=account)["Budgets"]
    limit = organization.facts("baseline")["budgets_usd"][name]
    assert float(budget["BudgetLimit"]["Amount"]) == limit
    told = budgets.describe_notifications_for_budget(
        AccountId=account, BudgetName=budget["BudgetName"]
    )["Notifications"]
    assert {(n["NotificationType"], n["Threshold"]) for n in told} == {
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    }
    for policy in POLICIES:
        arn = f"arn:aws:iam::{account}:policy/{policy}"
        assert inside.client("iam").get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_people_may_assume_their_roles_and_nothing_else(organization: World) -> None:
    iam = organization.inside("tooling").client("iam")
    wanted = {role.name: role.iam_name for role in ROLES if role.trusts == "people"}
    assert {group["GroupName"] for group in iam.list_groups()["Groups"]} == set(wanted)
    accounts = organization.made()["accounts"]
    for name, role in wanted.items():
        (policy,) = iam.list_group_policies(GroupName=name)["PolicyNames"]
        document = iam.get_group_policy(GroupName=name, PolicyName=policy)["PolicyDocument"]
        assumed = [s for s in document["Statement"] if s["Action"] == "sts:AssumeRole"]
        assert {arn for statement in assumed for arn in statement["Resource"]} == {
            f"arn:aws:iam::{accounts[environment]}:role/{role}"
            for environment in ("dev", "stage", "prod")
        }


@pytest.mark.parametrize("name", NAMES)
def test_guard_rails_bind_an_account(organization: World, name: str) -> None:
    account = organization.made()["accounts"][name]
    as_root = Account(organization.management.server, account)
    with pytest.raises(ClientError, match="service control policy"):
        as_root.client("s3").list_buckets()
    inside = organization.inside(name)
    inside.client("s3").list_buckets()
    with pytest.raises(ClientError, match="service control policy"):
        inside.client("organizations").leave_organization()


def test_the_trail_is_everybodys_and_stays(organization: World) -> None:
    management = organization.management
    (trail,) = management.client("cloudtrail").describe_trails()["trailList"]
    assert trail["IsOrganizationTrail"]
    assert trail["IsMultiRegionTrail"]
    assert trail["LogFileValidationEnabled"]
    assert management.client("cloudtrail").get_trail_status(Name=trail["Name"])["IsLogging"]
    s3, bucket = management.client("s3"), trail["S3BucketName"]
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 365}
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}


def test_the_state_is_kept_privately_with_its_versions(organization: World) -> None:
    s3, bucket = organization.management.client("s3"), organization.bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert [r["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for r in rules] == ["AES256"]
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {"organization.tfstate", "baseline.tfstate"}
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    denied = {statement["Sid"]: statement["Action"] for statement in policy["Statement"]}
    assert denied["TlsOnly"] == "s3:*"
    assert {"s3:DeleteBucket", "s3:DeleteObjectVersion"} <= set(denied["TheStateStays"])


def test_what_must_stay_is_protected(organization: World) -> None:
    done = organization.terraform("organization", "plan", "-destroy", "-no-color", "-lock=false")
    assert done.returncode == 1
    assert "Instance cannot be destroyed" in done.stderr
