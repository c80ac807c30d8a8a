"""Which resource a path is, and the values in it."""

from collections.abc import Sequence

from starlette.routing import compile_path
from starlette.types import Scope

from service.problems import Problem
from service.resources import Resource


class Paths:
    """The resources by their paths; those without a variable are found without a search."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._fixed = {one.template: one for one in resources if not one.parameters}
        self._patterns = [
            (compile_path(one.template)[0], one) for one in resources if one.parameters
        ]

    def find(self, scope: Scope) -> Resource:
        """Return the resource; its variables are in `scope` then. Raises Problem: 404."""
        path = scope["path"]
        if (resource := self._fixed.get(path)) is not None:
            return resource
        for pattern, resource in self._patterns:
            if (found := pattern.match(path)) is not None:
                scope["path_params"] = found.groupdict()
                return resource
        raise Problem(404, "There is nothing at this path.")
