"""Who a token is to a cluster: an IAM signature, then an access entry or a line of aws-auth."""

import base64
import re
import urllib.parse
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import yaml

from local.aws import internals, responses
from local.aws.eks import node_access
from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.service import Key, Record, eks
from local.aws.settings import Settings
from local.kubernetes.client import ApiError

_SESSION = re.compile(r"arn:[^:]+:sts::(\d{12}):assumed-role/([^/]+)/(.+)")


def install(settings: Settings, planes: ControlPlanes) -> None:
    service = eks()
    internals.replace(service, "_decode_aws_iam_token", lambda stock: _local_host(stock, settings))
    internals.replace(service, "_authenticate_token_review", lambda _stock: _Reviewer(planes))


def _local_host(stock: Any, settings: Settings) -> Any:
    """Tokens that name this server: `aws eks get-token` signs for AWS_ENDPOINT_URL's host."""

    def decode(token: str) -> Any:
        decoded = stock(token)
        if decoded is not None:
            return decoded
        encoded = token.removeprefix(eks()._EKS_TOKEN_PREFIX)
        try:
            url = urllib.parse.urlsplit(
                base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            )
        except ValueError:
            return None
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        scope = query.get("X-Amz-Credential", [""])[0].split("/")
        if (
            f"http://{url.netloc}" != settings.endpoint
            or url.path not in ("", "/")
            or len(scope) != 5
            or any(len(values) != 1 for values in query.values())
        ):
            return None
        # The signature is checked over the host it was made for; the name only for its region.
        return SimpleNamespace(
            netloc=url.netloc, hostname=f"sts.{scope[2]}.amazonaws.com", path=url.path or "/"
        ), query

    return decode


class _Reviewer:
    """Answers TokenReviews of the clusters' API servers."""

    def __init__(self, planes: ControlPlanes) -> None:
        self._planes = planes

    def __call__(
        self, name: str, account: str, region: str, review: Mapping[str, Any], secret: str = ""
    ) -> responses.Response:
        user = self._user(Key(account, region, name), review, secret)
        refused: responses.Response = eks()._token_review_response(review)
        if user is None:
            return refused
        answer: responses.Response = eks()._token_review_response(
            review, authenticated=True, **user
        )
        return answer

    def _user(self, key: Key, review: Mapping[str, Any], secret: str) -> Record | None:
        record = eks()._clusters.get_scoped(key.account, key.region, key.name)
        token = (review.get("spec") or {}).get("token")
        # The secret is known to this cluster's API server only.
        if record is None or not token or secret != record["_auth_token"]:
            return None
        credential = eks()._verify_eks_token(token, key.name)
        if not credential:
            return None
        arn = str(credential.principal_arn)
        mode = record["accessConfig"]["authenticationMode"]
        found = None
        if mode != "CONFIG_MAP":
            found = self._by_entry(key, arn)
        if found is None and mode != "API":
            found = self._by_config_map(key, arn)
        if found is None:
            return None
        username, groups = found
        return {
            "username": _expand(username, arn),
            "uid": str(credential.principal_id or arn),
            "groups": list(dict.fromkeys(["system:authenticated", *groups])),
        }

    @staticmethod
    def _by_entry(key: Key, arn: str) -> tuple[str, list[str]] | None:
        entry = eks()._access_entry_for_principal(key.name, key.account, key.region, arn)
        if entry is None:
            return None
        policies = [
            eks()._access_policy_group(key.name, entry["principalArn"], policy)
            for principal, policy, _ in eks()._access_policy_associations(
                key.name, key.account, key.region
            )
            if principal == entry["principalArn"]
        ]
        return entry["username"] or arn, [*entry["kubernetesGroups"], *policies]

    def _by_config_map(self, key: Key, arn: str) -> tuple[str, list[str]] | None:
        session = _SESSION.fullmatch(arn)
        # aws-auth names a role without its path.
        role = f"arn:aws:iam::{session[1]}:role/{session[2]}" if session else arn
        try:
            for member, name in (("mapRoles", "rolearn"), ("mapUsers", "userarn")):
                for line in node_access.map_roles(key.name, self._planes, member, key):
                    if line.get(name) == role:
                        return str(line.get("username", arn)), list(line.get("groups", []))
        # A ConfigMap that can't be read maps nobody.
        except (ApiError, OSError, yaml.YAMLError):
            return None
        return None


def _expand(username: str, arn: str) -> str:
    """Fill in a username's template as the authenticator does."""
    session = _SESSION.fullmatch(arn)
    account = arn.split(":")[4]
    name = re.sub(r"[^\w+=,.-]", "-", session[3]) if session else ""
    return username.replace("{{SessionName}}", name).replace("{{AccountID}}", account)
