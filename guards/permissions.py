"""What templates let whom do: a line for each thing that is allowed, and for each that is denied.

Policy documents are found wherever they stand in a template. What permits by other means is listed
in _PERMITTING and _RESTRICTING, and read out of the Kubernetes objects that a stack applies.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guards import assembly
from guards.admission import refusals
from guards.assembly import Templates
from guards.flows import POLICY, closings, openings
from guards.objects import Object, objects, place
from guards.values import listed, text, texts

_ALLOWS, _DENIES = "allows", "denies"
_WHOLE = ""
_PERMITTING: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::SecurityGroup": ("SecurityGroupIngress", "SecurityGroupEgress"),
    "AWS::EC2::SecurityGroupEgress": (_WHOLE,),
    "AWS::EC2::SecurityGroupIngress": (_WHOLE,),
    "AWS::EKS::AccessEntry": (_WHOLE,),
    "AWS::EKS::Cluster": (
        "ResourcesVpcConfig.EndpointPublicAccess",
        "ResourcesVpcConfig.PublicAccessCidrs",
    ),
    "AWS::EKS::PodIdentityAssociation": (_WHOLE,),
    "AWS::IAM::Group": ("ManagedPolicyArns",),
    "AWS::IAM::ManagedPolicy": ("Roles", "Users", "Groups"),
    "AWS::IAM::Policy": ("Roles", "Users", "Groups"),
    "AWS::IAM::Role": ("ManagedPolicyArns",),
    "AWS::IAM::User": ("ManagedPolicyArns", "Groups"),
    "AWS::IAM::UserToGroupAddition": (_WHOLE,),
    "AWS::Lambda::Permission": (_WHOLE,),
    "AWS::Lambda::Url": ("AuthType",),
    "AWS::RAM::ResourceShare": (_WHOLE,),
}
_RESTRICTING: Mapping[str, tuple[str, ...]] = {
    "AWS::IAM::Role": ("PermissionsBoundary",),
    "AWS::IAM::User": ("PermissionsBoundary",),
    "AWS::S3::Bucket": ("PublicAccessBlockConfiguration",),
}
_BUT = "all but "
_OPEN = "AWS::EC2::SecurityGroup"
_RULES = ("Role", "ClusterRole")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def lines(templates: Templates) -> list[str]:
    """Return what an environment's templates allow and deny, sorted."""
    found = set()
    for stack, name, resource in assembly.resources(templates):
        holder = f"{stack} {name}"
        found |= {f"{holder} {line}" for line in _of_resource(resource)}
    for stack, item in objects(templates):
        holder = f"{stack} {item['kind']} {place(item)}"
        found |= {f"{holder} {line}" for line in _of_object(item)}
    return sorted(found)


def broadened(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """Return what only the new lines allow, and what only the old ones deny."""
    before, after = set(old), set(new)
    return [
        *sorted(line for line in after - before if not _denies(line)),
        *sorted(f"no longer: {line}" for line in before - after if _denies(line)),
    ]


def _denies(line: str) -> bool:
    return line.split(":")[0].endswith(f" {_DENIES}")


def _of_resource(resource: Mapping[str, Any]) -> Iterator[str]:
    kind, properties = resource["Type"], resource.get("Properties", {})
    for document in _documents(properties):
        for statement in listed(document["Statement"]):
            yield from _of_statement(statement)
    for way, table in ((_ALLOWS, _PERMITTING), (_DENIES, _RESTRICTING)):
        for path in table.get(kind, ()):
            value = _at(properties, path)
            for one in [] if value is None else listed(value):
                yield f"{way}: {path or kind} {text(one)}"
    if kind == _OPEN and "SecurityGroupEgress" not in properties:
        # CloudFormation's default.
        yield f"{_ALLOWS}: SecurityGroupEgress to everywhere"


def _documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the policy documents in a value, which may be JSON in a text."""
    match value:
        case {"Statement": _}:
            yield value
        case {"Fn::Sub": _} | {"Fn::Join": _}:
            yield from _documents(text(value))
        case dict():
            for part in value.values():
                yield from _documents(part)
        case list():
            for part in value:
                yield from _documents(part)
        case str() if value.startswith("{") and '"Statement"' in value:
            yield json.loads(value)


def _of_statement(statement: Mapping[str, Any]) -> Iterator[str]:
    way = _DENIES if statement["Effect"] == "Deny" else _ALLOWS
    whom = "".join(f"{one} " for one in _named(statement, "Principal"))
    on = "".join(f" on {one}" for one in _named(statement, "Resource"))
    when = f" if {text(statement['Condition'])}" if statement.get("Condition") else ""
    actions = map(text, listed(statement.get("Action", [])))
    but = [one for one in _named(statement, "Action") if one.startswith(_BUT)]
    for action in (*actions, *but):
        yield f"{way}: {whom}{action}{on}{when}"


def _named(statement: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield what a statement is about, and what it is about all others of."""
    if name in statement:
        yield texts(statement[name])
    if f"Not{name}" in statement:
        yield f"{_BUT}{texts(statement[f'Not{name}'])}"


def _of_object(item: Object) -> Iterator[str]:
    if item["kind"] == POLICY:
        yield from (f"{_ALLOWS}: {opening}" for opening in openings(item))
        yield from (f"{_DENIES}: {closing}" for closing in closings(item))
    elif item["kind"] in _RULES:
        for rule in item.get("rules") or ():
            yield f"{_ALLOWS}: {text(rule)}"
        if "aggregationRule" in item:
            yield f"{_ALLOWS}: {text(item['aggregationRule'])}"
    elif item["kind"] in _BINDINGS:
        for subject in item.get("subjects") or ():
            role = f"{item['roleRef']['kind']} {item['roleRef']['name']}"
            yield f"{_ALLOWS}: {role} to {text(subject)}"
    else:
        yield from (f"{_DENIES}: {refusal}" for refusal in refusals(item))


def _at(properties: Mapping[str, Any], path: str) -> Any:
    if not path:
        return {name: value for name, value in properties.items() if name != "Tags"}
    value: Any = properties
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
