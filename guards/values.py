"""Values of a template as text, one way for each value."""

import json
import re
from typing import Any


def text(value: Any) -> str:
    """Return a value on a line, references as "${Name.Attribute}"."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [*parts]}:
            return f"${{{'.'.join(parts)}}}"
        case {"Fn::GetAtt": name} | {"Fn::ImportValue": name}:
            return f"${{{text(name)}}}"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(text, parts))
        case {"Fn::Sub": [pattern, values]}:
            return re.sub(r"\$\{(\w+)\}", lambda m: text(values.get(m[1], {"Ref": m[1]})), pattern)
        case {"Fn::Sub": pattern}:
            return str(pattern)
        case dict():
            return ", ".join(f"{name}={text(value[name])}" for name in sorted(value))
        case list():
            return f"[{', '.join(map(text, value))}]"
    return json.dumps(value)


def texts(value: Any) -> str:
    """Return a list, or the one value in its place, in the order of the alphabet."""
    return ", ".join(sorted(map(text, listed(value))))


def listed(value: Any) -> list[Any]:
    """Return a list, made of the one value where a template leaves the list away."""
    return value if isinstance(value, list) else [value]
