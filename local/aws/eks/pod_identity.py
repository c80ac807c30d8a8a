"""AWS::EKS::PodIdentityAssociation, over the API calls that MiniStack has."""

from typing import Any

from local.aws import internals, responses
from local.aws.eks.roles import require_pod_role
from local.aws.eks.service import EksError, active_cluster, change_tags, eks
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    boolean,
    register,
    tag_map,
    words,
)

_CHANGING = words("DisableSessionTags Policy RoleArn TargetRoleArn")
_KEYS = words("ClusterName Namespace ServiceAccount")


def install() -> None:
    for name in ("_create_pod_identity_association", "_update_pod_identity_association"):
        internals.replace(eks(), name, _trusted)
    register(
        ResourceType(
            name="AWS::EKS::PodIdentityAssociation",
            properties=_CHANGING | _KEYS,
            create_only=_KEYS,
            create=_create,
            update=_update,
            delete=_delete,
            read=_read,
            reads=words("RoleArn Namespace ServiceAccount"),
        )
    )


def _trusted(stock: Any) -> Any:
    """An API call that refuses roles which no pod could use; MiniStack takes any."""

    def call(owner: str, *arguments: Any) -> responses.Response:
        role = arguments[-1].get("roleArn")
        try:
            if role:
                require_pod_role(role)
        except EksError as error:
            return error.response
        answer: responses.Response = stock(owner, *arguments)
        return answer

    return call


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
    active_cluster(properties["ClusterName"])
    body = _body(properties) | {
        "namespace": properties["Namespace"],
        "serviceAccount": properties["ServiceAccount"],
        "tags": tag_map(properties.get("Tags")),
    }
    answer = eks()._create_pod_identity_association(properties["ClusterName"], body)
    made = responses.document(answer)["association"]
    return made["associationArn"], _attributes(made)


def _update(arn: str, old: Properties, new: Properties) -> Attributes:
    owner, identifier = _key(arn)
    answer = eks()._update_pod_identity_association(owner, identifier, _body(new))
    made = responses.document(answer)["association"]
    record = eks()._pod_identity_associations[eks()._pia_key(owner, identifier)]
    for name in ("targetRoleArn", "policy"):
        if name not in _body(new):
            record.pop(name, None)
    change_tags(arn, record, tag_map(old.get("Tags")), tag_map(new.get("Tags")))
    return _attributes(made)


def _delete(arn: str, _properties: Properties) -> None:
    owner, identifier = _key(arn)
    if eks()._pia_key(owner, identifier) in eks()._pod_identity_associations:
        responses.body(eks()._delete_pod_identity_association(owner, identifier))


def _read(arn: str, _properties: Properties) -> Properties | None:
    record = eks()._pod_identity_associations.get(eks()._pia_key(*_key(arn)))
    return record and {
        "RoleArn": record["roleArn"],
        "Namespace": record["namespace"],
        "ServiceAccount": record["serviceAccount"],
    }


def _body(properties: Properties) -> dict[str, Any]:
    body = {
        name[:1].lower() + name[1:]: properties[name]
        for name in sorted(_CHANGING)
        if name in properties
    }
    if "disableSessionTags" in body:
        body["disableSessionTags"] = boolean(body["disableSessionTags"])
    return body


def _key(arn: str) -> tuple[str, str]:
    owner, identifier = arn.split("/")[-2:]
    return owner, identifier


def _attributes(record: dict[str, Any]) -> Attributes:
    return {
        name[:1].upper() + name[1:]: record[name]
        for name in ("associationArn", "associationId", "externalId")
        if name in record
    }
