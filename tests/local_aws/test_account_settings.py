"""An account's own settings: what they say is shown, and what they say happens."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_aws.support import REGION, Account, Server, role

HOLDER = "888888888888"
ALL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
PUBLIC = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "{}/*"}
    ],
}


@pytest.fixture(scope="module")
def holder(server: Server) -> Account:
    """An account of these tests' own."""
    return Account(server, HOLDER)


def s3control(account: Account) -> Any:
    """A client whose host has the account before it, as every client's of S3 Control."""
    proxy = {"http": account.server.endpoint}
    return boto3.client(
        "s3control",
        endpoint_url=account.server.endpoint,
        region_name=REGION,
        aws_access_key_id=account.key,
        aws_secret_access_key=account.secret,
        aws_session_token=account.token,
        config=Config(proxies=proxy),
    )


@pytest.fixture
def bucket(holder: Account) -> Iterator[str]:
    s3 = holder.client("s3")
    name = "settings-bucket"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.delete_public_access_block(Bucket=name)
    yield name
    s3.delete_bucket(Bucket=name)


def test_the_accounts_block_is_shown_and_closes_its_buckets(holder: Account, bucket: str) -> None:
    control = s3control(holder)
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        control.get_public_access_block(AccountId=HOLDER)
    policy = json.dumps(PUBLIC).replace("{}", f"arn:aws:s3:::{bucket}")
    s3 = holder.client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    s3.delete_bucket_policy(Bucket=bucket)
    control.put_public_access_block(AccountId=HOLDER, PublicAccessBlockConfiguration=ALL)
    shown = control.get_public_access_block(AccountId=HOLDER)
    assert shown["PublicAccessBlockConfiguration"] == ALL
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    control.delete_public_access_block(AccountId=HOLDER)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_the_accounts_block_needs_its_permission(account: Account) -> None:
    allowed = role("account", {"Action": "s3:GetAccountPublicAccessBlock", "Resource": "*"})
    with account.stack({"Reader": allowed}) as stack:
        reader = s3control(account.assume(account.resource(stack, "Reader")))
        with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
            reader.get_public_access_block(AccountId=account.key)
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.put_public_access_block(
                AccountId=account.key, PublicAccessBlockConfiguration=ALL
            )


def test_volumes_are_encrypted_while_the_account_says_so(holder: Account) -> None:
    ec2 = holder.client("ec2")

    def encrypted() -> bool:
        made = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)
        ec2.delete_volume(VolumeId=made["VolumeId"])
        return bool(made["Encrypted"])

    assert not encrypted()
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert encrypted()
    ec2.disable_ebs_encryption_by_default()
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert not encrypted()


def test_a_detector_is_made_changed_and_deleted(holder: Account) -> None:
    guardduty = holder.client("guardduty")
    made = guardduty.create_detector(Enable=True, Tags={"project": "test"})["DetectorId"]
    with pytest.raises(ClientError, match="already exists"):
        guardduty.create_detector(Enable=True)
    assert guardduty.list_detectors()["DetectorIds"] == [made]
    guardduty.update_detector(DetectorId=made, FindingPublishingFrequency="ONE_HOUR")
    shown = guardduty.get_detector(DetectorId=made)
    assert shown["Status"] == "ENABLED"
    assert shown["FindingPublishingFrequency"] == "ONE_HOUR"
    assert shown["Tags"] == {"project": "test"}
    guardduty.update_detector(DetectorId=made, Enable=False)
    assert guardduty.get_detector(DetectorId=made)["Status"] == "DISABLED"
    with pytest.raises(ClientError, match="is not emulated"):
        guardduty.update_detector(
            DetectorId=made, Features=[{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]
        )
    guardduty.delete_detector(DetectorId=made)
    with pytest.raises(ClientError, match="not owned by you"):
        guardduty.get_detector(DetectorId=made)
    with pytest.raises(ClientError, match="is not emulated"):
        guardduty.list_invitations()


def test_detectors_need_their_permission(account: Account) -> None:
    reader = role("account", {"Action": "guardduty:ListDetectors", "Resource": "*"})
    with account.stack({"Reader": reader}) as stack:
        guardduty = account.assume(account.resource(stack, "Reader")).client("guardduty")
        guardduty.list_detectors()
        with pytest.raises(ClientError, match="AccessDenied"):
            guardduty.create_detector(Enable=True)


def test_a_trail_needs_a_bucket_that_lets_it_write(holder: Account, bucket: str) -> None:
    trails = holder.client("cloudtrail")
    with pytest.raises(ClientError, match="S3BucketDoesNotExistException"):
        trails.create_trail(Name="trail", S3BucketName="no-such-bucket-here")
    with pytest.raises(ClientError, match="InsufficientS3BucketPolicyException"):
        trails.create_trail(Name="trail", S3BucketName=bucket)
    arn = f"arn:aws:s3:::{bucket}"
    own = {"aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{HOLDER}:trail/trail"}
    calls = {"s3:GetBucketAcl": arn, "s3:PutObject": f"{arn}/AWSLogs/{HOLDER}/*"}
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": action,
            "Resource": resource,
            "Condition": {"StringEquals": own},
        }
        for action, resource in calls.items()
    ]
    s3 = holder.client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": statements}))
    with pytest.raises(ClientError, match="InsufficientS3BucketPolicyException"):
        trails.create_trail(Name="another", S3BucketName=bucket)
    with pytest.raises(ClientError, match="NotOrganizationMasterAccountException"):
        trails.create_trail(Name="trail", S3BucketName=bucket, IsOrganizationTrail=True)
    made = trails.create_trail(
        Name="trail", S3BucketName=bucket, TagsList=[{"Key": "project", "Value": "test"}]
    )
    (listed,) = trails.list_tags(ResourceIdList=[made["TrailARN"]])["ResourceTagList"]
    assert listed["TagsList"] == [{"Key": "project", "Value": "test"}]
    trails.delete_trail(Name="trail")
