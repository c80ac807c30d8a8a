"""Roles that pods get by a token of their service account."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam
from constructs import Construct

from mindforce.policy import Statement, document

_AUDIENCE = "sts.amazonaws.com"


class WebIdentity(Construct):
    """An account's trust in a cluster as the issuer of its service accounts' tokens."""

    def __init__(self, scope: Construct, id: str, *, issuer_url: str) -> None:
        """`issuer_url` is the cluster's, with its scheme."""
        super().__init__(scope, id)
        self._issuer = issuer_url
        self._provider = aws_iam.CfnOIDCProvider(
            self, "Provider", url=self._issuer, client_id_list=[_AUDIENCE]
        ).attr_arn

    def role(
        self,
        id: str,
        *,
        description: str,
        namespace: str,
        service_accounts: Sequence[str],
        statements: Sequence[Statement],
    ) -> str:
        """Make a role that only pods of these service accounts get, and return its ARN."""
        accounts = [f"system:serviceaccount:{namespace}:{name}" for name in service_accounts]
        trust = {
            "Principal": {"Federated": "${Provider}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"${Issuer}:aud": _AUDIENCE, "${Issuer}:sub": accounts}},
        }
        role = aws_iam.CfnRole(
            self,
            id,
            description=description,
            assume_role_policy_document=self._filled_in(document(trust)),
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name="own", policy_document=document(*statements)
                )
            ],
        )
        return role.attr_arn

    def _filled_in(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a policy as text: no intrinsic function makes a key, and the issuer is in one."""
        host = {"Fn::Select": [1, {"Fn::Split": ["//", self._issuer]}]}
        return {"Fn::Sub": [json.dumps(policy), {"Issuer": host, "Provider": self._provider}]}
