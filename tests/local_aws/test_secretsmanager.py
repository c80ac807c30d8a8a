"""A secret that a stack has made up: nobody chose it, and its options are those of the template."""

import base64
import json
import string
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.support import ACCOUNT, Account, Server, StackFailedError, role

ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/SECRETS"


def secret(**options: Any) -> dict[str, Any]:
    properties = {
        "Description": "one",
        "GenerateSecretString": options,
        "Tags": [{"Key": "owner", "Value": "platform"}],
    }
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def name(account: Account, stack: str) -> str:
    return account.resource(stack, "Secret")


def value(account: Account, stack: str) -> str:
    client = account.client("secretsmanager")
    found: str = client.get_secret_value(SecretId=name(account, stack))["SecretString"]
    return found


def test_the_options_are_kept_and_the_value_stays(account: Account, server: Server) -> None:
    plain = {"ExcludePunctuation": True, "PasswordLength": 40}
    with account.stack({"Secret": secret(**plain)}) as stack:
        first = value(account, stack)
        assert len(first) == 40
        assert set(first) <= set(string.ascii_letters + string.digits)
        assert server.audit(stack) == []
        shown = account.client("secretsmanager").describe_secret(SecretId=name(account, stack))
        assert {"Key": "owner", "Value": "platform"} in shown["Tags"]
        described = secret(**plain)
        described["Properties"]["Description"] = "two"
        account.update(stack, {"Secret": described})
        assert value(account, stack) == first
        account.update(stack, {"Secret": secret(**plain | {"PasswordLength": 12})})
        assert len(value(account, stack)) == 12


def test_it_is_put_where_the_template_says(account: Account) -> None:
    options = {"SecretStringTemplate": '{"user": "app"}', "GenerateStringKey": "password"}
    with account.stack({"Secret": secret(**options, ExcludeCharacters="abc")}) as stack:
        found = json.loads(value(account, stack))
        assert found["user"] == "app"
        assert len(found["password"]) == 32
        assert not set("abc") & set(found["password"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"PasswordLenght": 4}, "PasswordLenght is not emulated"),
        ({"PasswordLength": 2}, "PasswordLength too short"),
        ({"GenerateStringKey": "x"}, "SecretStringTemplate and GenerateStringKey go together"),
    ],
)
def test_what_secrets_manager_refuses(
    account: Account, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StackFailedError, match=reason):
        account.create("secret-refused", {"Secret": secret(**options)})
    account.delete("secret-refused")


def test_who_may_not_read_it_is_denied(account: Account) -> None:
    arn = {"Fn::GetAtt": ["Secret", "Id"]}
    reading = role("account", {"Action": "secretsmanager:GetSecretValue", "Resource": arn})
    resources = {"Secret": secret(PasswordLength=20), "Reader": reading}
    with account.stack(resources) as stack:
        name = account.resource(stack, "Secret")
        somebody = account.assume(account.resource(stack, "Reader"))
        somebody.client("secretsmanager").get_secret_value(SecretId=name)
        account.update(stack, resources | {"Reader": role("account")})
        with pytest.raises(ClientError, match="AccessDenied"):
            somebody.client("secretsmanager").get_secret_value(SecretId=name)


def test_a_role_whose_trust_is_text_is_for_one_service_account(account: Account) -> None:
    """Conditions on a cluster's tokens have its issuer in their keys, which only text can have."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/${{Issuer}}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "${Issuer}:aud": "sts.amazonaws.com",
                "${Issuer}:sub": ["system:serviceaccount:database:one"],
            }
        },
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    host = {"Fn::Select": [1, {"Fn::Split": ["//", f"https://{ISSUER}"]}]}
    reader = role("account")
    reader["Properties"]["AssumeRolePolicyDocument"] = {"Fn::Sub": [text, {"Issuer": host}]}
    provider = {
        "Type": "AWS::IAM::OIDCProvider",
        "Properties": {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]},
    }
    with account.stack({"Role": reader, "Provider": provider}) as stack:
        name = account.resource(stack, "Role")
        assert _assumed(account, name, "one")
        with pytest.raises(ClientError, match="AccessDenied"):
            _assumed(account, name, "another")
        # A token that the account has for the API server, or for somebody else as well.
        for audiences in (["https://kubernetes.default.svc"], ["sts.amazonaws.com", "vault"]):
            with pytest.raises(ClientError, match="AccessDenied"):
                _assumed(account, name, "one", audiences)


def _assumed(
    account: Account,
    name: str,
    service_account: str,
    audiences: Sequence[str] = ("sts.amazonaws.com",),
) -> Any:
    claims = {
        "iss": f"https://{ISSUER}",
        "aud": list(audiences),
        "sub": f"system:serviceaccount:database:{service_account}",
    }
    return account.client("sts").assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        RoleSessionName="test",
        WebIdentityToken=_token(claims),
    )["Credentials"]


def _token(claims: dict[str, Any]) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}.{part({})}"
