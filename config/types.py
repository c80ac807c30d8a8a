"""Whether values are of the types that their fields say, which Python doesn't ask.

Of a wrong one nobody would hear (the text "no" is true), or by a traceback only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from config.errors import ConfigError, Problem

_NAMES: Mapping[Any, str] = {bool: "True or False", int: "a whole number", str: "a text"}


def check_types(owner: str, value: Any) -> None:
    """Raise ConfigError when a dataclass, or one that it holds, has a value of another type."""
    if problems := list(_of_fields(value, "")):
        raise ConfigError(owner, problems)


def _of_fields(value: Any, path: str) -> Iterator[Problem]:
    kind: Any = type(value)
    hints = _hints(kind)
    for field in fields(value):
        yield from _problems(f"{path}{field.name}", getattr(value, field.name), hints[field.name])


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _problems(path: str, value: Any, hint: Any, beside: str = "") -> Iterator[Problem]:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is not None:
            (other,) = (one for one in inner if one is not NoneType)
            yield from _problems(path, value, other, " or None")
        return
    # Which texts are right is for who knows what they mean.
    kind = str if origin is Literal else origin or hint
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield Problem(path, value, f"it must be {_name(kind, inner)}{beside}")
    elif kind is tuple:
        for number, item in enumerate(value):
            yield from _problems(f"{path}[{getattr(item, 'name', number)}]", item, inner[0])
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _problems(f"a key of {path}", key, inner[0])
            yield from _problems(f"{path}[{key}]", item, inner[1])
    elif is_dataclass(value):
        yield from _of_fields(value, f"{path}.")


def _name(kind: Any, inner: tuple[Any, ...]) -> str:
    if kind is tuple:
        return f"a tuple, each item {_name(inner[0], ())}"
    if kind is Mapping:
        return f"a mapping, each key {_name(inner[0], ())} and each value {_name(inner[1], ())}"
    known = _NAMES.get(kind)
    return known or f"of type {kind.__name__} ({kind.__module__.replace('.', '/')}.py)"
