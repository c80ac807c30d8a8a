"""CloudFormation resource types that MiniStack lacks or gets wrong, registered in its own tables.

A provisioner calls the service function behind the API, so that a stack and a client see one state.
A property that a type does not list is refused by name, never dropped.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from local.aws import internals

Properties = Mapping[str, Any]
Attributes = dict[str, Any]


class NotEmulatedError(ValueError):
    """A template asks for something that this emulator cannot do."""


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """How one CloudFormation type is created, changed and deleted.

    `create` gets (logical id, properties, stack name) and answers (physical id, attributes);
    `update` gets (physical id, old, new) and answers attributes, None means no update in place;
    `delete` gets (physical id, properties) and does nothing for what is already gone;
    `read` gets (physical id, properties) and answers the properties named in `reads` as they are
    now, or None when the resource is gone (drift detection).
    `create_only` names properties whose change replaces the resource; "A.B" is a nested one.
    `tags` is the shape of `Tags`, None where the type has none. `waits` marks a type whose
    provisioning blocks, so that it must not run on the server's event loop.
    """

    name: str
    properties: frozenset[str]
    create: Callable[[str, Properties, str], tuple[str, Attributes]]
    delete: Callable[[str, Properties], None]
    update: Callable[[str, Properties, Properties], Attributes] | None = None
    read: Callable[[str, Properties], Properties | None] | None = None
    reads: frozenset[str] = frozenset()
    create_only: frozenset[str] = frozenset()
    tags: Literal["list", "map"] | None = "list"
    waits: bool = False


@dataclass
class _Registry:
    waiting: set[str] = field(default_factory=set)


_registry = _Registry()


def words(text: str) -> frozenset[str]:
    """The words of a text as a set, for lists of property names."""
    return frozenset(text.split())


def camel(value: Any) -> Any:
    """A template's PascalCase keys as an API's camelCase ones, at every depth."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: camel(item) for key, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def select(properties: Properties, names: Iterable[str]) -> Attributes:
    """The named properties that the template sets."""
    return {name: properties[name] for name in names if name in properties}


def boolean(value: object) -> bool:
    """A template's boolean, which may be a string."""
    return str(value).lower() == "true"


def tag_map(tags: Any) -> dict[str, str]:
    return dict(internals.module("services.cloudformation.provisioners")._tag_map(tags))


def physical_name(stack: str, logical_id: str, longest: int, *, lowercase: bool = False) -> str:
    """The name CloudFormation gives a resource without one; it stays for the resource's life."""
    provisioners = internals.module("services.cloudformation.provisioners")
    return str(provisioners._physical_name(stack, logical_id, max_len=longest, lowercase=lowercase))


def register(kind: ResourceType) -> None:
    """Make MiniStack's CloudFormation provision this type with these functions."""
    provisioners = internals.module("services.cloudformation.provisioners")
    drift = internals.module("services.cloudformation.drift")
    known = kind.properties | ({"Tags"} if kind.tags else set())

    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Attributes]:
        refuse_unknown(kind.name, properties, known)
        return kind.create(logical_id, properties, stack)

    def update(
        physical_id: str,
        old: Properties,
        new: Properties,
        stack: str,
        logical_id: str | None = None,
    ) -> tuple[str, Attributes]:
        refuse_unknown(kind.name, new, known)
        changed = sorted(path for path in kind.create_only if _at(old, path) != _at(new, path))
        if changed or kind.update is None:
            replaced = provisioners._replace_resource(
                kind.name, physical_id, old, new, stack, logical_id
            )
            return str(replaced[0]), dict(replaced[1])
        return physical_id, kind.update(physical_id, old, new)

    handlers = internals.member(provisioners, "_RESOURCE_HANDLERS")
    handlers[kind.name] = {
        "create": create,
        "update": update,
        "delete": kind.delete,
        "update_with_logical_id": True,
    }
    whole = {path for path in kind.create_only if "." not in path}
    parts = {path.split(".")[0] for path in kind.create_only} - whole
    _table(provisioners, "_REPLACING_PROPERTIES")[kind.name] = tuple(sorted(whole))
    _table(provisioners, "_CONDITIONALLY_REPLACING_PROPERTIES")[kind.name] = tuple(sorted(parts))
    if kind.tags:
        _table(provisioners, "_STACK_TAG_PROPERTY")[kind.name] = ("Tags", kind.tags)
    if kind.read:
        _table(drift, "_DRIFT_READERS")[kind.name] = (kind.read, kind.reads)
    if kind.waits:
        _registry.waiting.add(kind.name)


def provision_waiting_types_on_threads() -> None:
    """Run the types that register with `waits` beside the event loop, which must go on serving."""
    stacks = internals.module("services.cloudformation.stacks")
    internals.replace(
        stacks,
        "_runs_on_worker_thread",
        lambda stock: lambda kind: kind in _registry.waiting or bool(stock(kind)),
    )


def set_create_only(kinds: Mapping[str, str]) -> None:
    """Name the create-only properties of MiniStack's own types, by type.

    Without them a change set calls every change a possible replacement.
    """
    provisioners = internals.module("services.cloudformation.provisioners")
    for name, properties in kinds.items():
        if name not in internals.member(provisioners, "_RESOURCE_HANDLERS"):
            raise internals.MiniStackChangedError(f"MiniStack should provision {name}.")
        _table(provisioners, "_REPLACING_PROPERTIES")[name] = tuple(properties.split())


def restrict(name: str, properties: str) -> None:
    """Refuse what one of MiniStack's own types would drop: all properties but these, by name."""
    known = words(properties)
    before_provisioning(name, lambda new: refuse_unknown(name, new, known))


def before_provisioning(name: str, check: Callable[[Properties], None]) -> None:
    """Have one of MiniStack's own types checked when it is made and changed; a raise refuses it."""
    provisioners = internals.module("services.cloudformation.provisioners")

    def checked(stock: Callable[..., Any], position: int) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            check(arguments[position])
            return stock(*arguments)

        return call

    handler = internals.member(provisioners, "_RESOURCE_HANDLERS")[name]
    handler["create"] = checked(handler["create"], 1)
    if "update" in handler:
        handler["update"] = checked(handler["update"], 2)


def refuse_unknown(name: str, properties: Properties, known: Iterable[str]) -> None:
    """Raise NotEmulatedError when a template sets a property that nothing here would read."""
    unknown = sorted(set(properties) - set(known))
    if unknown:
        noun = "property" if len(unknown) == 1 else "properties"
        verb = "is" if len(unknown) == 1 else "are"
        raise NotEmulatedError(f"{name} {noun} {', '.join(unknown)} {verb} not emulated.")


def _table(owner: Any, name: str) -> dict[str, Any]:
    table: dict[str, Any] = internals.member(owner, name)
    return table


def _at(properties: Properties, path: str) -> Any:
    value: Any = properties
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
