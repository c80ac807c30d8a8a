"""Every role with every key that it needs, and every key with every service that uses it.

A role that may read an encrypted bucket can't without the bucket's key, and no emulator says so.
"""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from guards.assembly import Templates, exports, references, resources
from tests.permissions import listed

_Key = tuple[str, str]

KEY_OF: Mapping[str, Sequence[str]] = {
    "AWS::EC2::LaunchTemplate": ["LaunchTemplateData", "BlockDeviceMappings", "Ebs", "KmsKeyId"],
    "AWS::EKS::Cluster": ["EncryptionConfig", "Provider", "KeyArn"],
    "AWS::Logs::LogGroup": ["KmsKeyId"],
    "AWS::S3::Bucket": [
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        "ServerSideEncryptionByDefault",
        "KMSMasterKeyID",
    ],
    "AWS::SNS::Topic": ["KmsMasterKeyId"],
    "AWS::SQS::Queue": ["KmsMasterKeyId"],
    "AWS::SecretsManager::Secret": ["KmsKeyId"],
}
"""Where a type names the key that it is encrypted with."""

_BOTH = ("kms:Decrypt", "kms:GenerateDataKey")
NEEDS: Mapping[str, Sequence[str]] = {
    "s3:GetObject": ["kms:Decrypt"],
    "s3:PutObject": _BOTH,  # an upload in parts reads what it has written
    "secretsmanager:GetSecretValue": ["kms:Decrypt"],
    "secretsmanager:PutSecretValue": _BOTH,
    "sns:Publish": _BOTH,
    "sqs:ReceiveMessage": ["kms:Decrypt"],
    "sqs:SendMessage": _BOTH,
}
"""What an action on something encrypted takes, by the services' own guides."""

SERVICES: Mapping[str, tuple[str, Sequence[str]]] = {
    "AWS::CloudWatch::Alarm": ("cloudwatch.amazonaws.com", _BOTH),
    "AWS::Events::Rule": ("events.amazonaws.com", _BOTH),
}
"""Who acts for a resource on an encrypted topic or queue that it refers to, and what that takes."""

_OWNERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "AWS::EC2::LaunchTemplate": ("AWSServiceRoleForAutoScaling", ["kms:CreateGrant", *_BOTH]),
    "AWS::Logs::LogGroup": ("logs.*.amazonaws.com", ["kms:Encrypt", *_BOTH]),
}
"""Which principal a key's policy must name for a type to be encrypted with it."""


class Encrypted(NamedTuple):
    """A resource, its type, and the key that it is encrypted with."""

    resource: _Key
    kind: str
    key: _Key


class Environment:
    """Who may do what with which key, in one environment's templates."""

    def __init__(self, templates: Templates) -> None:
        self._exports = exports(templates)
        self._resources = {(stack, name): r for stack, name, r in resources(templates)}
        self._allowed = list(self._grants())

    def encrypted(self) -> Iterator[Encrypted]:
        """Yield what is encrypted with a key of the environment."""
        for where, resource in self._resources.items():
            kind = resource["Type"]
            for value in _at(resource.get("Properties", {}), KEY_OF.get(kind, ["-"])):
                for key in self._refer(value, where):
                    yield Encrypted(where, kind, key)

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each identity or service that lacks a key."""
        for thing in self.encrypted():
            yield from self._roles_without_key(thing)
            if thing.kind in _OWNERS:
                yield from self._policy_lacks(thing, *_OWNERS[thing.kind])
            if thing.kind in ("AWS::SNS::Topic", "AWS::SQS::Queue"):
                yield from self._services_without_key(thing)

    def _roles_without_key(self, thing: Encrypted) -> Iterator[str]:
        for role, statement in self._allowed:
            if thing.resource not in self._of(statement, role):
                continue
            for action, needed in NEEDS.items():
                if not _allows(statement, action):
                    continue
                for missing in needed:
                    if not self._may(role, missing, thing.key):
                        yield _sentence(role, f"may {action} {thing.resource[1]}", missing, thing)

    def _services_without_key(self, thing: Encrypted) -> Iterator[str]:
        for where, resource in self._resources.items():
            service = SERVICES.get(resource["Type"])
            if service and thing.resource in self._refer(resource.get("Properties", {}), where):
                yield from self._policy_lacks(thing, *service)

    def _policy_lacks(
        self, thing: Encrypted, principal: str, actions: Sequence[str]
    ) -> Iterator[str]:
        for action in actions:
            if not any(
                _names(statement, principal) and _allows(statement, action)
                for statement in self._policy(thing.key)
            ):
                yield _sentence(("", principal), f"uses {thing.resource[1]}", action, thing)

    def _may(self, role: _Key, action: str, key: _Key) -> bool:
        by_identity = any(
            owner == role and _allows(statement, action) and key in self._of(statement, owner)
            for owner, statement in self._allowed
        )
        policy = [s for s in self._policy(key) if _allows(s, action)]
        delegated = any(":root" in str(s.get("Principal")) for s in policy)
        named = any(role in self._refer(s.get("Principal"), key) for s in policy)
        return named or (by_identity and delegated)

    def _grants(self) -> Iterator[tuple[_Key, Mapping[str, Any]]]:
        for where, resource in self._resources.items():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::IAM::Role":
                documents = [p["PolicyDocument"] for p in properties.get("Policies", ())]
                roles = {where}
            elif resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                documents = [properties["PolicyDocument"]]
                roles = self._refer(properties.get("Roles", []), where)
            else:
                continue
            for document in documents:
                for statement in listed(document["Statement"]):
                    for role in roles if statement["Effect"] == "Allow" else ():
                        # Where the statement stands tells what its references mean.
                        yield role, {**statement, "where": where}

    def _of(self, statement: Mapping[str, Any], role: _Key) -> set[_Key]:
        """Return what a statement is about; everything is about everything."""
        if "*" in listed(statement.get("Resource", [])):
            return set(self._resources)
        return self._refer(statement.get("Resource"), statement.get("where", role))

    def _policy(self, key: _Key) -> list[Mapping[str, Any]]:
        document = self._resources.get(key, {}).get("Properties", {}).get("KeyPolicy", {})
        found = listed(document.get("Statement", []))
        return [statement for statement in found if statement["Effect"] == "Allow"]

    def _refer(self, value: Any, where: _Key) -> set[_Key]:
        return set(references(value, where[0], self._exports))


def _allows(statement: Mapping[str, Any], action: str) -> bool:
    patterns = listed(statement.get("Action", []))
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def _names(statement: Mapping[str, Any], principal: str) -> bool:
    """Say whether a statement is for a principal, by name or by a condition on who asks.

    A service-linked role can't be named before it is there; a condition can.
    """
    asking = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn")
    who = asking if statement.get("Principal") == {"AWS": "*"} else statement.get("Principal")
    return fnmatch.fnmatchcase(str(who), f"*{principal}*")


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path, through lists."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _sentence(who: _Key, what: str, missing: str, thing: Encrypted) -> str:
    return f"{who[1]} {what}, and lacks {missing} on its key {thing.key[1]}"
