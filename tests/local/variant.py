"""The app with some values of dev changed: python -m tests.local.variant web.image=… .

`port=N` gives the web service a port that the config doesn't know, to send the API server
something that it refuses; `broken=IMAGE` gives it an image that its migrations don't have.
`null` takes an item out of a tuple; fields that are right only together are changed by an object,
such as access={"authentication_mode": "API", "api_only_for_good": "dev"}.
"""

import json
import sys
from dataclasses import is_dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any

import app
import k8s.web
import stacks.workloads
from config.environments import DEV, TABLE
from config.errors import without_traceback


def changed(value: Any, path: list[str], new: Any) -> Any:
    """Return a copy of a frozen value with the field at a dotted path replaced."""
    if not path:
        return new
    name, *rest = path
    if isinstance(value, tuple):
        items = [changed(v, rest, new) if i == int(name) else v for i, v in enumerate(value)]
        return tuple(item for item in items if item is not None)
    assert is_dataclass(value)
    return replace(value, **{name: changed(getattr(value, name), rest, new)})  # type: ignore[type-var]


def _with_image(chart: Any, image: str, /, *arguments: Any, **props: Any) -> Any:
    return chart(*arguments, **{**props, "image": image})


def main(arguments: list[str]) -> None:
    dev = DEV
    for argument in arguments:
        path, _, text = argument.partition("=")
        if path == "port":
            setattr(k8s.web, "PORT", int(text))  # noqa: B010 (mypy refuses the other)
        elif path == "broken":
            chart = k8s.web.WebChart
            replaced = partial(_with_image, chart, text)
            setattr(stacks.workloads, "WebChart", replaced)  # noqa: B010 (mypy refuses the other)
        else:
            new = json.loads(text) if text.isdigit() or text == "null" else text
            if text.startswith("["):
                new = tuple(json.loads(text))
            if text.startswith("{"):
                new = replace(attrgetter(path)(dev), **json.loads(text))
            dev = changed(dev, path.split("."), new)
    app.synthesize(replace(TABLE, environments=(dev,)))


if __name__ == "__main__":
    sys.excepthook = without_traceback
    main(sys.argv[1:])
