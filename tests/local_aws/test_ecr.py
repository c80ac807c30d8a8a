"""Pull-through cache rules want a secret to log in with; templates say how repositories look."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import ACCOUNT, REGION, Account, Server, StackFailedError, role

SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
TEMPLATE: dict[str, Any] = {
    "Type": "AWS::ECR::RepositoryCreationTemplate",
    "Properties": {
        "Prefix": "docker-hub",
        "AppliedFor": ["PULL_THROUGH_CACHE"],
        "Description": "one",
        "ImageTagMutability": "MUTABLE",
        "EncryptionConfiguration": {"EncryptionType": "AES256"},
        "LifecyclePolicy": '{"rules": []}',
    },
}


def rule(secret: str = f"{SECRETS}ecr-pullthroughcache/hub") -> dict[str, Any]:
    return {
        "Type": "AWS::ECR::PullThroughCacheRule",
        "Properties": {
            "EcrRepositoryPrefix": "docker-hub",
            "UpstreamRegistry": "docker-hub",
            "UpstreamRegistryUrl": "registry-1.docker.io",
            "CredentialArn": secret,
        },
    }


@pytest.fixture
def secret(account: Account) -> Iterator[str]:
    """A secret as a person makes it; its name."""
    client = account.client("secretsmanager")
    login = json.dumps({"username": "somebody", "accessToken": "x"})
    name = "ecr-pullthroughcache/hub"
    client.create_secret(Name=name, SecretString=login)
    yield name
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def test_a_rule_is_shown_until_its_stack_goes(
    account: Account, other_account: Account, server: Server, secret: str
) -> None:
    ecr = account.client("ecr")
    with account.stack({"Rule": rule()}) as stack:
        assert account.resource(stack, "Rule") == "docker-hub"
        (shown,) = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        assert shown["upstreamRegistryUrl"] == "registry-1.docker.io"
        assert shown["credentialArn"].endswith(secret)
        assert ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")["isValid"]
        assert server.audit(stack) == []
        other = other_account.client("ecr")
        assert other.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []
    with pytest.raises(ClientError, match="PullThroughCacheRuleNotFoundException"):
        ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["docker-hub"])


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        (f"{SECRETS}ecr-pullthroughcache/none", "ecr-pullthroughcache/none was not found"),
        (f"{SECRETS}hub", "name begins with ecr-pullthroughcache/"),
    ],
)
def test_a_rule_without_its_secret_is_refused(account: Account, arn: str, words: str) -> None:
    with pytest.raises(StackFailedError, match=words):
        account.create("odd-rule", {"Rule": rule(arn)})
    account.delete("odd-rule")


def test_a_secret_that_is_no_login_is_refused(account: Account, secret: str) -> None:
    account.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="{}")
    with pytest.raises(StackFailedError, match="must hold JSON with the keys username and access"):
        account.create("odd-secret", {"Rule": rule()})
    account.delete("odd-secret")


def test_a_role_needs_the_permission_to_make_a_rule(account: Account, secret: str) -> None:
    allowed = {"Action": "ecr:CreatePullThroughCacheRule", "Resource": "*"}
    call = {
        "ecrRepositoryPrefix": "docker-hub",
        "upstreamRegistryUrl": "registry-1.docker.io",
        "credentialArn": f"{SECRETS}{secret}",
    }
    with account.stack({"Maker": role("account", allowed)}) as stack:
        maker = account.assume(account.resource(stack, "Maker"))
        maker.client("ecr").create_pull_through_cache_rule(**call)
        account.client("ecr").delete_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")
        account.update(stack, {"Maker": role("account")})
        with pytest.raises(ClientError, match="AccessDenied"):
            maker.client("ecr").create_pull_through_cache_rule(**call)


def test_a_template_is_shown_and_changed_in_place(account: Account, server: Server) -> None:
    def shown() -> Any:
        ecr = account.client("ecr")
        (found,) = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
        return found

    with account.stack({"Template": TEMPLATE}) as stack:
        assert shown()["encryptionConfiguration"] == {"encryptionType": "AES256"}
        assert shown()["appliedFor"] == ["PULL_THROUGH_CACHE"]
        assert json.loads(shown()["lifecyclePolicy"]) == {"rules": []}
        changed = {**TEMPLATE["Properties"], "Description": "two"}
        account.update(stack, {"Template": {**TEMPLATE, "Properties": changed}})
        assert shown()["description"] == "two"
        assert server.audit(stack) == []


def test_a_template_with_tags_is_shown_with_its_role(account: Account, server: Server) -> None:
    tags = [{"Key": "owner", "Value": "one"}]
    tagged = {"ResourceTags": tags, "CustomRoleArn": {"Fn::GetAtt": ["Maker", "Arn"]}}
    properties = {**TEMPLATE["Properties"], **tagged}
    resources = {"Maker": role("ecr.amazonaws.com"), "T": {**TEMPLATE, "Properties": properties}}

    def shown() -> Any:
        ecr = account.client("ecr")
        (found,) = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
        return found

    with account.stack(resources) as stack:
        assert shown()["resourceTags"] == tags
        assert shown()["customRoleArn"].endswith(account.resource(stack, "Maker"))
        tags[0]["Value"] = "two"
        account.update(stack, resources)
        assert shown()["resourceTags"] == [{"Key": "owner", "Value": "two"}]
        assert server.audit(stack) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ResourceTags": [{"Key": "owner", "Value": "one"}]}, "needs a customRoleArn"),
        (
            {
                "ResourceTags": [{"Key": "owner", "Value": "one"}],
                "CustomRoleArn": f"arn:aws:iam::{ACCOUNT}:role/none",
            },
            "role/none .*does not exist",
        ),
        ({"AppliedFor": ["EVERYTHING"]}, "appliedFor must be of"),
        ({"EncryptionConfiguration": {"EncryptionType": "KMS"}}, "needs a customRoleArn"),
        ({"LifecyclePolicy": "{"}, "lifecyclePolicy is not JSON"),
    ],
)
def test_a_wrong_template_is_refused(account: Account, changes: dict[str, Any], words: str) -> None:
    properties = {**TEMPLATE["Properties"], **changes}
    with pytest.raises(StackFailedError, match=words):
        account.create("odd-repositories", {"T": {**TEMPLATE, "Properties": properties}})
    account.delete("odd-repositories")
