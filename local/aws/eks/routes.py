"""EKS's REST calls: ours first, then MiniStack's own."""

import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from local.aws import internals, responses
from local.aws.eks.access import POLICY_PREFIX, Access
from local.aws.eks.addons import Addons
from local.aws.eks.clusters import Clusters
from local.aws.eks.nodegroups import NodeGroups
from local.aws.eks.service import EksError, cluster, eks

_NAME = r"/clusters/(?P<name>[\w-]+)"
_GROUP = rf"{_NAME}/node-groups/(?P<group>[\w-]+)"
_ADDON = rf"{_NAME}/addons/(?P<addon>[\w.-]+)"
_ENTRY = rf"{_NAME}/access-entries/(?P<principal>.+?)"

Body = Mapping[str, Any]
Call = Callable[[dict[str, str], Body, Body], Mapping[str, Any]]


class Routes:
    """Which function answers which path; a refusal becomes the answer with EKS's code."""

    def __init__(
        self, clusters: Clusters, groups: NodeGroups, addons: Addons, access: Access
    ) -> None:
        def creator(headers: Body) -> str | None:
            key = internals.module("core.router").extract_access_key_id(headers, {})
            identity = internals.module("core.iam_evaluator").resolve_caller_identity(key)
            arn = identity["userArn"] if identity else None
            return eks()._role_arn_from_assumed_role(arn) or arn

        def shown(record: Body) -> Body:
            return {"cluster": eks()._sanitize(record)}

        table: list[tuple[str, str, Call]] = [
            ("POST", "/clusters", lambda p, b, h: shown(clusters.create(b, creator(h)))),
            ("DELETE", _NAME, lambda p, b, h: shown(clusters.delete(p["name"]))),
            (
                "POST",
                f"{_NAME}/update-config",
                lambda p, b, h: {"update": clusters.update_config(p["name"], b)},
            ),
            (
                "POST",
                f"{_NAME}/updates",
                lambda p, b, h: {"update": clusters.update_version(p["name"], b)},
            ),
            ("GET", f"{_NAME}/updates", lambda p, b, h: {"updateIds": list(_updates(p["name"]))}),
            (
                "GET",
                rf"{_NAME}/updates/(?P<update>[\w-]+)",
                lambda p, b, h: {"update": _update(p["name"], p["update"])},
            ),
            (
                "POST",
                f"{_NAME}/node-groups",
                lambda p, b, h: {"nodegroup": groups.create(p["name"], b)},
            ),
            ("DELETE", _GROUP, lambda p, b, h: {"nodegroup": groups.delete(p["name"], p["group"])}),
            (
                "POST",
                f"{_GROUP}/update-config",
                lambda p, b, h: {"update": groups.update_config(p["name"], p["group"], b)},
            ),
            (
                "POST",
                f"{_GROUP}/update-version",
                lambda p, b, h: {"update": groups.update_version(p["name"], p["group"], b)},
            ),
            ("POST", f"{_NAME}/addons", lambda p, b, h: {"addon": addons.create(p["name"], b)}),
            (
                "POST",
                f"{_ADDON}/update",
                lambda p, b, h: {"update": addons.update(p["name"], p["addon"], b)},
            ),
            ("DELETE", _ADDON, lambda p, b, h: {"addon": addons.delete(p["name"], p["addon"])}),
            (
                "POST",
                f"{_NAME}/access-entries",
                lambda p, b, h: {"accessEntry": access.create_entry(p["name"], b)},
            ),
            (
                "POST",
                f"{_ENTRY}/access-policies",
                lambda p, b, h: access.associate(p["name"], p["principal"], b),
            ),
            (
                "POST",
                _ENTRY,
                lambda p, b, h: {"accessEntry": access.update_entry(p["name"], p["principal"], b)},
            ),
            (
                "GET",
                "/access-policies",
                lambda p, b, h: {
                    "accessPolicies": [
                        {"name": name, "arn": f"{POLICY_PREFIX}{name}"}
                        for name in eks()._ACCESS_POLICY_RULES
                    ]
                },
            ),
        ]
        self._table = [(method, re.compile(path), call) for method, path, call in table]

    def __call__(self, stock: Any) -> Any:
        def handle(method: str, path: str, headers: Body, body: bytes, query: Body) -> Any:
            for known, pattern, call in self._table:
                match = pattern.fullmatch(path)
                if match is None or known != method:
                    continue
                names = {
                    key: urllib.parse.unquote(value) for key, value in match.groupdict().items()
                }
                try:
                    return responses.answer(call(names, json.loads(body or b"{}"), headers))
                except EksError as error:
                    return error.response
                except KeyError as error:
                    return EksError(
                        "InvalidParameterException", f"{error.args[0]} is required."
                    ).response
            return stock(method, path, headers, body, query)

        return handle


def _updates(name: str) -> dict[str, Any]:
    updates: dict[str, Any] = cluster(name).get("_updates", {})
    return updates


def _update(name: str, identifier: str) -> Any:
    found = _updates(name).get(identifier)
    if found is None:
        raise EksError("ResourceNotFoundException", f"No update found for ID: {identifier}")
    return found
