"""AWS::ECR::RepositoryCreationTemplate: how the repositories look that ECR makes by itself."""

import json
import time
from collections.abc import Mapping
from typing import Any

from local.aws import internals
from local.aws.ecr.service import EcrError, Record, refuse_unknown, store
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    camel,
    register,
    tag_map,
    words,
)
from local.aws.service_trust import lets_in, trust_policy

_PROPERTIES = words(
    "AppliedFor CustomRoleArn Description EncryptionConfiguration ImageTagMutability "
    "LifecyclePolicy Prefix RepositoryPolicy ResourceTags"
)
_MEMBERS = frozenset(name[:1].lower() + name[1:] for name in _PROPERTIES)
_templates = store()


def install() -> None:
    register(
        ResourceType(
            name="AWS::ECR::RepositoryCreationTemplate",
            properties=_PROPERTIES,
            create_only=words("Prefix"),
            tags=None,
            create=_create_resource,
            update=_update_resource,
            delete=_delete_resource,
            read=_read,
            reads=words("AppliedFor CustomRoleArn ImageTagMutability LifecyclePolicy"),
        )
    )


def _create(body: Mapping[str, Any]) -> Record:
    refuse_unknown("CreateRepositoryCreationTemplate", body, _MEMBERS)
    if body["prefix"] in _templates:
        raise EcrError(
            "TemplateAlreadyExistsException",
            f"The repository creation template {body['prefix']} already exists.",
        )
    record = _checked(body) | {"createdAt": int(time.time())}
    _templates[body["prefix"]] = record
    return _answer(record)


def _update(body: Mapping[str, Any]) -> Record:
    refuse_unknown("UpdateRepositoryCreationTemplate", body, _MEMBERS)
    record = _find(body["prefix"])
    changed = {**{key: record[key] for key in record if key in _MEMBERS}, **body}
    record.update(_checked(changed))
    return _answer(record)


def _describe(body: Mapping[str, Any]) -> Record:
    refuse_unknown("DescribeRepositoryCreationTemplates", body, words("prefixes maxResults"))
    prefixes = body.get("prefixes") or list(_templates)
    found = [_templates[prefix] for prefix in prefixes if prefix in _templates]
    return {"registryId": internals.account(), "repositoryCreationTemplates": found}


def _delete(body: Mapping[str, Any]) -> Record:
    record = _find(body["prefix"])
    del _templates[body["prefix"]]
    return _answer(record)


ACTIONS = {
    "CreateRepositoryCreationTemplate": _create,
    "UpdateRepositoryCreationTemplate": _update,
    "DescribeRepositoryCreationTemplates": _describe,
    "DeleteRepositoryCreationTemplate": _delete,
}


def _answer(record: Record) -> Record:
    return {"registryId": internals.account(), "repositoryCreationTemplate": record}


def _find(prefix: str) -> Record:
    record: Record | None = _templates.get(prefix)
    if record is None:
        raise EcrError(
            "TemplateNotFoundException",
            f"The repository creation template {prefix} does not exist.",
        )
    return record


def _checked(body: Mapping[str, Any]) -> Record:
    """A template's record; refuses what ECR would refuse."""
    purposes = {"REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"}
    if not body.get("appliedFor") or not set(body["appliedFor"]) <= purposes:
        raise _invalid(f"appliedFor must be of {', '.join(sorted(purposes))}.")
    if body.get("imageTagMutability", "MUTABLE") not in ("MUTABLE", "IMMUTABLE"):
        raise _invalid(f"imageTagMutability {body['imageTagMutability']} is not emulated.")
    encryption = dict(body.get("encryptionConfiguration", {"encryptionType": "AES256"}))
    tagged = body.get("resourceTags") or encryption["encryptionType"] != "AES256"
    if tagged and "customRoleArn" not in body:
        raise _invalid("A template with tags or a KMS key needs a customRoleArn.")
    role = body.get("customRoleArn")
    if role and not lets_in(trust_policy(role), "ecr.amazonaws.com", "sts:AssumeRole"):
        raise _invalid(f"Role {role} does not exist or does not trust ecr.amazonaws.com.")
    for member in ("lifecyclePolicy", "repositoryPolicy"):
        try:
            json.loads(body.get(member) or "{}")
        except json.JSONDecodeError as error:
            raise _invalid(f"{member} is not JSON: {error}") from error
    return {
        "imageTagMutability": "MUTABLE",
        **{key: value for key, value in body.items() if value},
        "encryptionConfiguration": encryption,
        "updatedAt": int(time.time()),
    }


def _invalid(message: str) -> EcrError:
    return EcrError("InvalidParameterException", message)


def _body(properties: Properties) -> Record:
    body: Record = camel(dict(properties))
    if "resourceTags" in body:
        body["resourceTags"] = [
            {"Key": key, "Value": value}
            for key, value in tag_map(properties["ResourceTags"]).items()
        ]
    return body


def _create_resource(
    _logical_id: str, properties: Properties, _stack: str
) -> tuple[str, Attributes]:
    record = _create(_body(properties))["repositoryCreationTemplate"]
    return str(record["prefix"]), _attributes(record)


def _update_resource(prefix: str, _old: Properties, new: Properties) -> Attributes:
    record = _find(prefix)
    kept = {key: record[key] for key in ("createdAt",)}
    record.clear()
    record.update(_checked(_body(new)) | kept)
    return _attributes(record)


def _attributes(record: Record) -> Attributes:
    return {"CreatedAt": str(record["createdAt"]), "UpdatedAt": str(record["updatedAt"])}


def _delete_resource(prefix: str, _properties: Properties) -> None:
    _templates.pop(prefix, None)


def _read(prefix: str, properties: Properties) -> Properties | None:
    record = _templates.get(prefix)
    return record and {
        name: record[name[:1].lower() + name[1:]]
        for name in ("AppliedFor", "CustomRoleArn", "ImageTagMutability", "LifecyclePolicy")
        if name in properties
    }
