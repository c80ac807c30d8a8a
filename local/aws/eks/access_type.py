"""AWS::EKS::AccessEntry, over the API calls of `access`."""

from collections.abc import Mapping
from typing import Any

from local.aws.eks.access import Access
from local.aws.eks.service import change_tags, eks
from local.aws.resource_types import (
    Attributes,
    Properties,
    ResourceType,
    camel,
    register,
    tag_map,
    words,
)

_PROPERTIES = words("AccessPolicies ClusterName KubernetesGroups PrincipalArn Type Username")


def install(access: Access) -> None:
    def create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Attributes]:
        owner, arn = properties["ClusterName"], properties["PrincipalArn"]
        body = {
            name[:1].lower() + name[1:]: properties[name]
            for name in ("KubernetesGroups", "PrincipalArn", "Type", "Username")
            if name in properties
        }
        entry = access.create_entry(owner, body | {"tags": tag_map(properties.get("Tags"))})
        try:
            for policy in properties.get("AccessPolicies", []):
                access.associate(owner, arn, _policy(policy))
        except ValueError:
            eks()._delete_access_entry(owner, arn)
            raise
        return f"{arn}|{owner}", {"AccessEntryArn": entry["accessEntryArn"]}

    def update(identifier: str, old: Properties, new: Properties) -> Attributes:
        arn, owner = identifier.rsplit("|", 1)
        body = {"kubernetesGroups": list(new.get("KubernetesGroups", []))}
        if "Username" in new:
            body["username"] = new["Username"]
        access.update_entry(owner, arn, body)
        before = {policy["PolicyArn"]: _policy(policy) for policy in old.get("AccessPolicies", [])}
        after = {policy["PolicyArn"]: _policy(policy) for policy in new.get("AccessPolicies", [])}
        for policy in before.keys() - after.keys():
            eks()._disassociate_access_policy(owner, arn, policy)
        for policy, association in after.items():
            if before.get(policy) != association:
                access.associate(owner, arn, association)
        record = eks()._access_entries[eks()._ae_key(owner, arn)]
        change_tags(
            record["accessEntryArn"], record, tag_map(old.get("Tags")), tag_map(new.get("Tags"))
        )
        return {"AccessEntryArn": record["accessEntryArn"]}

    def delete(identifier: str, _properties: Properties) -> None:
        arn, owner = identifier.rsplit("|", 1)
        if eks()._ae_key(owner, arn) in eks()._access_entries:
            eks()._delete_access_entry(owner, arn)

    register(
        ResourceType(
            name="AWS::EKS::AccessEntry",
            properties=_PROPERTIES,
            waits=True,
            create_only=words("ClusterName PrincipalArn Type"),
            create=create,
            update=update,
            delete=delete,
            read=_read,
            reads=words("KubernetesGroups AccessPolicies"),
        )
    )


def _policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {"policyArn": policy["PolicyArn"], "accessScope": camel(policy["AccessScope"])}


def _read(identifier: str, _properties: Properties) -> Properties | None:
    arn, owner = identifier.rsplit("|", 1)
    entry = eks()._access_entries.get(eks()._ae_key(owner, arn))
    if entry is None:
        return None
    prefix = eks()._ap_key(owner, arn, "")
    policies = []
    for key, policy in eks()._access_policies.items():
        if not key.startswith(prefix):
            continue
        scope = {"Type": policy["accessScope"]["type"]}
        if policy["accessScope"]["namespaces"]:
            scope["Namespaces"] = policy["accessScope"]["namespaces"]
        policies.append({"PolicyArn": policy["policyArn"], "AccessScope": scope})
    return {"KubernetesGroups": entry["kubernetesGroups"], "AccessPolicies": policies}
