"""A bucket's properties are really there, and a bucket with objects stays."""

import json
from typing import Any

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.local_aws.support import REGION, Account, StackFailedError, role


def bucket(**properties: Any) -> dict[str, Any]:
    return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}


def test_configuration_shows_through_the_api(account: Account) -> None:
    rule = {
        "Id": "old",
        "Status": "Enabled",
        "Prefix": "dumps/",
        "ExpirationInDays": 30,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    resources = bucket(
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [{**encryption, "BucketKeyEnabled": True}]
        },
        LifecycleConfiguration={"Rules": [rule]},
        VersioningConfiguration={"Status": "Enabled"},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        PublicAccessBlockConfiguration={"BlockPublicAcls": True},
        Tags=[{"Key": "team", "Value": "platform"}],
    )
    with account.stack(resources) as stack:
        name = account.resource(stack, "Bucket")
        s3 = account.client("s3")
        rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        assert rules[0]["Expiration"] == {"Days": 30}
        assert rules[0].get("Prefix", rules[0].get("Filter", {}).get("Prefix")) == "dumps/"
        assert rules[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
        assert rules[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
        shown = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
        default = shown["Rules"][0]["ApplyServerSideEncryptionByDefault"]
        assert default == {"SSEAlgorithm": "aws:kms"}
        assert shown["Rules"][0]["BucketKeyEnabled"] is True
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
        assert {"Key": "team", "Value": "platform"} in tags
        assert "aws:cloudformation:stack-name" in [tag["Key"] for tag in tags]


def test_dropped_lifecycle_is_gone_after_the_update(account: Account) -> None:
    rule = {"Id": "old", "Status": "Enabled", "ExpirationInDays": 30}
    with account.stack(bucket(LifecycleConfiguration={"Rules": [rule]})) as stack:
        name = account.resource(stack, "Bucket")
        account.update(stack, bucket(VersioningConfiguration={"Status": "Enabled"}))
        s3 = account.client("s3")
        with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
            s3.get_bucket_lifecycle_configuration(Bucket=name)
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_bucket_with_objects_is_not_deleted(account: Account) -> None:
    s3 = account.client("s3")
    with account.stack(bucket()) as stack:
        name = account.resource(stack, "Bucket")
        s3.put_object(Bucket=name, Key="kept", Body=b"1")
        with pytest.raises(StackFailedError, match="not empty"):
            account.delete(stack)
        assert s3.get_object(Bucket=name, Key="kept")["Body"].read() == b"1"
        s3.delete_object(Bucket=name, Key="kept")


def test_refused_rule_is_named_and_leaves_no_bucket(account: Account) -> None:
    rule = {"Id": "tagged", "Status": "Enabled", "ExpirationInDays": 1, "TagFilters": []}
    resources = bucket(BucketName="refused-rule", LifecycleConfiguration={"Rules": [rule]})
    with pytest.raises(StackFailedError, match="property TagFilters is not emulated"):
        account.create("refused-rule", resources)
    names = [found["Name"] for found in account.client("s3").list_buckets()["Buckets"]]
    assert "refused-rule" not in names
    account.delete("refused-rule")


def test_kms_write_without_a_key_takes_the_accounts_own(account: Account) -> None:
    with account.stack(bucket()) as stack:
        name = account.resource(stack, "Bucket")
        s3 = account.client("s3")
        s3.put_object(Bucket=name, Key="one", Body=b"1", ServerSideEncryption="aws:kms")
        assert s3.head_object(Bucket=name, Key="one")["SSEKMSKeyId"].endswith("alias/aws/s3")
        s3.delete_object(Bucket=name, Key="one")


def test_a_bucket_is_reached_by_a_host_name_of_its_own(account: Account) -> None:
    """As pgBackRest asks, which knows no other way."""
    with account.stack(bucket()) as stack:
        name = account.resource(stack, "Bucket")
        host = f"{name}.s3.{REGION}.amazonaws.com"
        for method, body in (("PUT", b"content"), ("GET", None), ("DELETE", None)):
            asked = AWSRequest(method, f"https://{host}/x", data=body, headers={"Host": host})
            S3SigV4Auth(Credentials(account.key, account.secret), "s3", REGION).add_auth(asked)
            address = f"{account.server.endpoint}/x"
            said = httpx.request(method, address, content=body, headers=dict(asked.headers))
            assert said.status_code in (200, 204), said.text
            assert method != "GET" or said.content == b"content"


def test_a_bucket_policy_denies_what_a_role_is_allowed(account: Account) -> None:
    user = role("account", {"Action": "s3:*", "Resource": "*"})
    with account.stack({**bucket(), "User": user}) as stack:
        name, s3 = account.resource(stack, "Bucket"), account.client("s3")
        who = account.resource(stack, "User")
        theirs = account.assume(who).client("s3")
        theirs.put_object(Bucket=name, Key="before", Body=b"1")
        statement = {
            "Effect": "Deny",
            "Principal": {"AWS": f"arn:aws:iam::{account.key}:role/{who}"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            theirs.put_object(Bucket=name, Key="denied", Body=b"1")
        assert theirs.get_object(Bucket=name, Key="before")["Body"].read() == b"1"
        s3.delete_bucket_policy(Bucket=name)
        theirs.put_object(Bucket=name, Key="after", Body=b"1")
        for key in ("before", "after"):
            s3.delete_object(Bucket=name, Key=key)
