"""Policies decide, and only those that exist can be attached."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import Account, StackFailedError, role

READS = {"Action": "s3:ListAllMyBuckets", "Resource": "*"}
READER = role("account", READS)


def test_a_removed_policy_denies(account: Account) -> None:
    with account.stack({"Reader": READER}) as stack:
        somebody = account.assume(account.resource(stack, "Reader"))
        somebody.client("s3").list_buckets()
        with pytest.raises(ClientError, match="AccessDenied"):
            somebody.client("s3").create_bucket(
                Bucket="not-allowed",
                CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            )
        account.update(stack, {"Reader": role("account")})
        with pytest.raises(ClientError, match="AccessDenied"):
            somebody.client("s3").list_buckets()


def test_a_role_may_no_more_than_the_boundary_of_its_template(account: Account) -> None:
    iam = account.client("iam")
    allow = {"Version": "2012-10-17", "Statement": [{**READS, "Effect": "Allow"}]}
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(allow))
    arn = boundary["Policy"]["Arn"]
    wide = role("account", {"Action": [READS["Action"], "sns:ListTopics"], "Resource": "*"})
    bounded = {**wide, "Properties": {**wide["Properties"], "PermissionsBoundary": arn}}
    with account.stack({"Reader": bounded}) as stack:
        somebody = account.assume(account.resource(stack, "Reader"))
        somebody.client("s3").list_buckets()
        with pytest.raises(ClientError, match=r"AuthorizationError|AccessDenied"):
            somebody.client("sns").list_topics()
        account.update(stack, {"Reader": wide})
        somebody.client("sns").list_topics()
    iam.delete_policy(PolicyArn=arn)
    with pytest.raises(StackFailedError, match="policy/boundary does not exist"):
        account.create("unknown-boundary", {"Reader": bounded})
    account.delete("unknown-boundary")


@pytest.mark.parametrize("name", ["AmazonEKSClusterPolicy", "AmazonEKS_CNI_Policy"])
def test_an_existing_managed_policy_is_attached(account: Account, name: str) -> None:
    arn = f"arn:aws:iam::aws:policy/{name}"
    attached = {**READER, "Properties": {**READER["Properties"], "ManagedPolicyArns": [arn]}}
    with account.stack({"Role": attached}) as stack:
        shown = account.client("iam").list_attached_role_policies(
            RoleName=account.resource(stack, "Role")
        )
        assert [policy["PolicyArn"] for policy in shown["AttachedPolicies"]] == [arn]


def test_an_unknown_managed_policy_is_refused(account: Account) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEKSNoSuchPolicy"
    attached = {**READER, "Properties": {**READER["Properties"], "ManagedPolicyArns": [arn]}}
    with pytest.raises(StackFailedError, match="AmazonEKSNoSuchPolicy does not exist"):
        account.create("unknown-policy", {"Role": attached})
    account.delete("unknown-policy")
    with account.stack({"Role": READER}) as stack:
        iam = account.client("iam")
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.attach_role_policy(RoleName=account.resource(stack, "Role"), PolicyArn=arn)


def test_oidc_provider_is_shown_with_its_audience(account: Account) -> None:
    provider = {
        "Type": "AWS::IAM::OIDCProvider",
        "Properties": {
            "Url": "https://oidc.example.com/id/1",
            "ClientIdList": ["sts.amazonaws.com"],
        },
    }
    with account.stack({"Provider": provider}) as stack:
        arn = account.resource(stack, "Provider")
        shown = account.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        assert shown["ClientIDList"] == ["sts.amazonaws.com"]
        assert shown["Url"].endswith("oidc.example.com/id/1")
    listed = account.client("iam").list_open_id_connect_providers()
    assert arn not in [item["Arn"] for item in listed["OpenIDConnectProviderList"]]


def test_a_policy_that_demands_tls_lets_loopback_in(account: Account) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "tls-only"}},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            },
        },
        "Writer": role("account", {"Action": "s3:*", "Resource": "*"}),
    }
    with account.stack(resources) as stack:
        s3 = account.assume(account.resource(stack, "Writer")).client("s3")
        s3.put_object(Bucket="tls-only", Key="one", Body=b"1")
        s3.delete_object(Bucket="tls-only", Key="one")
