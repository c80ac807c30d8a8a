"""AWS::ECR::PullThroughCacheRule: refused without a secret that ECR could log in with."""

import json
import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.ecr.service import EcrError, Record, refuse_unknown, store
from local.aws.resource_types import Attributes, Properties, ResourceType, camel, register, words

_PROPERTIES = words("CredentialArn EcrRepositoryPrefix UpstreamRegistry UpstreamRegistryUrl")
_UPSTREAMS: Mapping[str, str] = {
    "registry-1.docker.io": "docker-hub",
    "public.ecr.aws": "ecr-public",
    "quay.io": "quay",
    "registry.k8s.io": "k8s",
}
"""Address → name of the registries that a rule can be made for here."""
_WITH_LOGIN = ("docker-hub",)
_rules = store()


def install() -> None:
    register(
        ResourceType(
            name="AWS::ECR::PullThroughCacheRule",
            properties=_PROPERTIES,
            create_only=_PROPERTIES,
            tags=None,
            create=_create_resource,
            delete=_delete_resource,
            read=_read,
            reads=_PROPERTIES,
        )
    )


def _create(body: Mapping[str, Any]) -> Record:
    refuse_unknown(
        "CreatePullThroughCacheRule",
        body,
        words("credentialArn ecrRepositoryPrefix registryId upstreamRegistry upstreamRegistryUrl"),
    )
    prefix, address = body["ecrRepositoryPrefix"], body["upstreamRegistryUrl"]
    if address not in _UPSTREAMS:
        raise EcrError(
            "UnsupportedUpstreamRegistryException",
            f"The upstream registry {address} is not supported; here are {', '.join(_UPSTREAMS)}.",
        )
    if prefix in _rules:
        raise EcrError(
            "PullThroughCacheRuleAlreadyExistsException",
            f"A pull through cache rule with the prefix {prefix} already exists.",
        )
    upstream = _UPSTREAMS[address]
    if body.get("upstreamRegistry", upstream) != upstream:
        raise EcrError(
            "InvalidParameterException",
            f"upstreamRegistry {body['upstreamRegistry']} is not at {address}.",
        )
    if upstream in _WITH_LOGIN or "credentialArn" in body:
        _check_secret(body.get("credentialArn", ""))
    record: Record = {
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistryUrl": address,
        "upstreamRegistry": upstream,
        "registryId": internals.account(),
        "createdAt": int(time.time()),
        "updatedAt": int(time.time()),
    }
    if "credentialArn" in body:
        record["credentialArn"] = body["credentialArn"]
    _rules[prefix] = record
    return record


def _describe(body: Mapping[str, Any]) -> Record:
    refuse_unknown(
        "DescribePullThroughCacheRules", body, words("ecrRepositoryPrefixes maxResults registryId")
    )
    prefixes = body.get("ecrRepositoryPrefixes") or list(_rules)
    return {"pullThroughCacheRules": [_find(prefix) for prefix in prefixes]}


def _validate(body: Mapping[str, Any]) -> Record:
    """Whether the secret could be used; nobody asks Docker Hub what it thinks of it."""
    record = _find(body["ecrRepositoryPrefix"])
    answer = {key: record[key] for key in ("ecrRepositoryPrefix", "registryId")}
    answer |= {key: record[key] for key in ("upstreamRegistryUrl", "credentialArn")}
    try:
        _check_secret(record["credentialArn"])
    except EcrError as error:
        return answer | {"isValid": False, "failure": error.message}
    return answer | {"isValid": True, "failure": ""}


def _delete(body: Mapping[str, Any]) -> Record:
    record = _find(body["ecrRepositoryPrefix"])
    del _rules[record["ecrRepositoryPrefix"]]
    return record


ACTIONS = {
    "CreatePullThroughCacheRule": _create,
    "DescribePullThroughCacheRules": _describe,
    "ValidatePullThroughCacheRule": _validate,
    "DeletePullThroughCacheRule": _delete,
}


def _find(prefix: str) -> Record:
    record: Record | None = _rules.get(prefix)
    if record is None:
        raise EcrError(
            "PullThroughCacheRuleNotFoundException",
            f"The pull through cache rule with the prefix {prefix} does not exist.",
        )
    return record


def _check_secret(arn: str) -> None:
    """Refuse a secret that ECR can't find, can't read, or can't log in with."""
    if f":{internals.account()}:secret:ecr-pullthroughcache/" not in arn:
        raise EcrError(
            "InvalidParameterException",
            "credentialArn must be of a secret in this account whose name begins with "
            "ecr-pullthroughcache/.",
        )
    service = internals.module("services.secretsmanager")
    name, secret = service._resolve(arn)
    if secret is None:
        raise EcrError(
            "SecretNotFoundException",
            f"The secret {arn} was not found: create it, with username and accessToken in it.",
        )
    if secret.get("KmsKeyId") and secret["KmsKeyId"] != "alias/aws/secretsmanager":
        raise EcrError(
            "UnableToDecryptSecretValueException",
            f"The secret {name} must be encrypted with the key aws/secretsmanager.",
        )
    status, _, content = service._get_secret_value({"SecretId": arn})
    value = json.loads(content).get("SecretString", "") if status == 200 else ""
    try:
        keys = set(json.loads(value))
    except (json.JSONDecodeError, TypeError):
        keys = set()
    if not {"username", "accessToken"} <= keys:
        raise EcrError(
            "UnableToAccessSecretException",
            f"The secret {name} must hold JSON with the keys username and accessToken.",
        )


def _create_resource(
    _logical_id: str, properties: Properties, _stack: str
) -> tuple[str, Attributes]:
    record = _create({key: value for key, value in camel(dict(properties)).items() if value})
    return record["ecrRepositoryPrefix"], {}


def _delete_resource(prefix: str, _properties: Properties) -> None:
    _rules.pop(prefix, None)


def _read(prefix: str, properties: Properties) -> Properties | None:
    record = _rules.get(prefix)
    return record and {
        name: record[name[:1].lower() + name[1:]] for name in _PROPERTIES if name in properties
    }
