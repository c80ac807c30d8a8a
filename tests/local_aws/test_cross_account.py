"""Another account's role: bucket, key and tags each have to let it, and each is asked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import ACCOUNT, Account
from tests.rehearsal.small import allow, document

BUCKET = "shared-artifacts"
OTHER = "222222222222"
READER = f"arn:aws:iam::{OTHER}:role/reader"


def _role(*statements: Mapping[str, Any], account: str, **rest: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": document({**trust, "Action": "sts:AssumeRole"}),
            "Policies": [{"PolicyName": "own", "PolicyDocument": document(*statements)}],
            **rest,
        },
    }


@pytest.fixture(scope="module")
def other(account: Account) -> Account:
    return Account(account.server, OTHER)


@pytest.fixture(scope="module")
def reader(other: Account) -> Iterator[Account]:
    everywhere = allow(["s3:*", "kms:*", "cloudformation:*", "sns:*"], "*")
    resources = {"Role": _role(everywhere, account=OTHER, RoleName="reader")}
    with other.stack(resources):
        yield other.assume("reader")


@pytest.fixture
def store(account: Account, reader: Account) -> Iterator[str]:
    """The key of a bucket that the reader may read from."""
    kms, s3 = account.client("kms"), account.client("s3")
    key: str = kms.create_key()["KeyMetadata"]["Arn"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=_key_policy(READER))
    s3.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=_bucket_policy(READER))
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {}}}}
    s3.put_object(
        Bucket=BUCKET,
        Key="one",
        Body=json.dumps(template).encode(),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    yield key
    s3.delete_object(Bucket=BUCKET, Key="one")
    s3.delete_bucket(Bucket=BUCKET)


def _key_policy(*readers: str) -> str:
    root = {**allow("kms:*", "*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    return json.dumps(
        document(root, *({**allow("kms:Decrypt", "*"), "Principal": {"AWS": r}} for r in readers))
    )


def _bucket_policy(reader: str) -> str:
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    return json.dumps(document({**allow("s3:Get*", resources), "Principal": {"AWS": reader}}))


def _read(reader: Account) -> bytes:
    body: bytes = reader.client("s3").get_object(Bucket=BUCKET, Key="one")["Body"].read()
    return body


def test_a_role_that_bucket_and_key_name_may_read(reader: Account, store: str) -> None:
    assert b"AWS::SNS::Topic" in _read(reader)
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.client("s3").put_object(Bucket=BUCKET, Key="two", Body=b"")


def test_without_the_buckets_policy_it_may_not(
    account: Account, reader: Account, store: str
) -> None:
    account.client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=_bucket_policy(f"arn:aws:iam::{OTHER}:role/somebody")
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        _read(reader)


def test_without_the_keys_policy_it_may_not(account: Account, reader: Account, store: str) -> None:
    account.client("kms").put_key_policy(KeyId=store, PolicyName="default", Policy=_key_policy())
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt"):
        _read(reader)


def test_who_writes_needs_the_key_too(account: Account, store: str) -> None:
    resources = {"Role": _role(allow("s3:*", "*"), account=ACCOUNT, RoleName="writer")}
    with account.stack(resources):
        writer = account.assume("writer").client("s3")
        writer.put_object(Bucket=BUCKET, Key="plain", Body=b"")
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store}
        with pytest.raises(ClientError, match="not authorized to perform: kms:GenerateDataKey"):
            writer.put_object(Bucket=BUCKET, Key="two", Body=b"", **encrypted)
        writer.delete_object(Bucket=BUCKET, Key="plain")


def test_cloudformation_reads_a_template_as_its_caller(
    account: Account, other: Account, reader: Account, store: str
) -> None:
    url = f"{account.server.endpoint}/{BUCKET}/one"
    reader.client("cloudformation").create_stack(StackName="by-url", TemplateURL=url)
    other.settle("by-url", "CREATE_COMPLETE")
    other.delete("by-url")
    account.client("s3").put_bucket_policy(
        Bucket=BUCKET, Policy=_bucket_policy(f"arn:aws:iam::{OTHER}:role/somebody")
    )
    with pytest.raises(ClientError, match="not found"):
        reader.client("cloudformation").create_stack(StackName="by-url", TemplateURL=url)


def test_a_role_is_assumed_by_its_tag(account: Account) -> None:
    condition = {"StringEquals": {"iam:ResourceTag/kind": "deploy"}}
    assume = {**allow("sts:AssumeRole", "*"), "Condition": condition}
    tags = [{"Key": "kind", "Value": "deploy"}]
    resources = {
        "Caller": _role(assume, account=ACCOUNT, RoleName="caller"),
        "Tagged": _role(account=ACCOUNT, RoleName="tagged", Tags=tags, Policies=[]),
        "Plain": _role(account=ACCOUNT, RoleName="plain", Policies=[]),
    }
    with account.stack(resources):
        sts, prefix = account.assume("caller").client("sts"), f"arn:aws:iam::{ACCOUNT}:role"
        sts.assume_role(RoleArn=f"{prefix}/tagged", RoleSessionName="test")
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=f"{prefix}/plain", RoleSessionName="test")


def test_a_change_set_of_outputs_alone_is_executed(account: Account) -> None:
    client = account.client("cloudformation")
    template: dict[str, Any] = {"Resources": {"T": {"Type": "AWS::SNS::Topic", "Properties": {}}}}
    change_set = {"StackName": "outputs", "ChangeSetName": "change"}
    account.create("outputs", template["Resources"])
    try:
        template["Outputs"] = {"New": {"Value": "there"}}
        client.create_change_set(**change_set, TemplateBody=json.dumps(template))
        made = client.describe_change_set(**change_set)
        assert (made["ExecutionStatus"], made["Changes"]) == ("AVAILABLE", [])
        client.execute_change_set(**change_set)
        account.settle("outputs", "UPDATE_COMPLETE")
        (stack,) = client.describe_stacks(StackName="outputs")["Stacks"]
        (output,) = stack["Outputs"]
        assert (output["OutputKey"], output["OutputValue"]) == ("New", "there")
        again = {**change_set, "ChangeSetName": "again"}
        client.create_change_set(**again, TemplateBody=json.dumps(template))
        assert client.describe_change_set(**again)["Status"] == "FAILED"
    finally:
        account.delete("outputs")
