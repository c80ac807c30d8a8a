"""What commands of kubectl ask the API server for, and what RBAC says to it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from config.resources import ALL, RESOURCES

READING = ("get", "list")
_VALUES = re.compile(r"-[nlopf]|--(namespace|selector|output|field-selector|filename|sort-by)")
"""Flags whose value is the next word."""
_EVICTION = re.compile(r"/api/v1/namespaces/([^/]+)/pods/[^/]+/(eviction)")
_EVERYBODY = ("/healthz", "/livez", "/readyz", "/version")
"""Paths that Kubernetes' own role `system:public-info-viewer` lets everybody get."""


class Need(NamedTuple):
    """A verb on a resource; a namespace of "" is all of them, or none."""

    verb: str
    group: str
    resource: str
    namespace: str


class Words(NamedTuple):
    """A command, its words apart from its flags."""

    words: Sequence[str]
    flags: Mapping[str, str]

    @property
    def namespace(self) -> str:
        if {"-A", "--all-namespaces"} & set(self.flags):
            return ""
        return self.flags.get("-n", self.flags.get("--namespace", "default"))


def needs(command: Sequence[str]) -> Iterator[Need]:
    """Yield what a command needs. Raises ValueError for one that isn't known here."""
    words, flags = parsed = _parsed(command)
    match words:
        case ["get"] if flags.get("--raw", "").startswith(_EVERYBODY):
            pass
        case ["get" | "describe" as verb, kinds, *_]:
            for kind in kinds.split(","):
                yield from _on(parsed, READING, kind)
            if verb == "describe":
                yield from _on(parsed, READING, "events")
        case ["top", kind]:
            plural = _plural(kind)
            yield from (Need(one, "metrics.k8s.io", plural, parsed.namespace) for one in READING)
        case ["logs", what]:
            if "/" in what:
                yield from _on(parsed, ("get",), what.partition("/")[0])
            yield from _on(parsed, READING, "pods")
            yield from _on(parsed, ("get",), "pods/log")
        case ["logs"]:
            yield from _on(parsed, READING, "pods")
            yield from _on(parsed, ("get",), "pods/log")
        case ["rollout", step, what]:
            looks = step in ("history", "status")
            verbs = (*READING, "watch") if looks else ("get", "patch")
            yield from _on(parsed, verbs, what.partition("/")[0])
            yield from _on(parsed, READING, "replicasets")
        case ["scale", what]:
            yield from _on(parsed, ("get", "patch"), f"{_plural(what.partition('/')[0])}/scale")
        case ["patch", kind, _]:
            yield from _on(parsed, ("get", "patch"), kind)
        case ["delete", kind, _]:
            yield from _on(parsed, ("get", "delete"), kind)
        case ["create", "job", _] if flags.get("--from", "").startswith("cronjob/"):
            yield from _on(parsed, ("get",), "cronjobs")
            yield from _on(parsed, ("create",), "jobs")
        case ["create"] if made := _EVICTION.fullmatch(flags.get("--raw", "")):
            yield Need("create", "", f"pods/{made[2]}", made[1])
        case ["exec", what, *_]:
            if "/" in what:
                yield from _on(parsed, ("get",), what.partition("/")[0])
            yield from _on(parsed, READING, "pods")
            yield from _on(parsed, ("get", "create"), "pods/exec")
        case _:
            raise ValueError(
                f"kubectl {' '.join(command)}: tests/kubectl.py doesn't know its needs"
            )


def started(command: Sequence[str]) -> tuple[str, str] | None:
    """Return namespace and name of the CronJob that a command makes a Job of, if it does."""
    parsed = _parsed(command)
    kind, _, name = parsed.flags.get("--from", "").partition("/")
    return (parsed.namespace, name) if kind == "cronjob" else None


class Rights:
    """What a group may do, by the RBAC objects of a cluster."""

    def __init__(self, objects: Iterable[Mapping[str, Any]], group: str) -> None:
        found = list(objects)
        rules = {
            (o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o["rules"]
            for o in found
            if o["kind"] in ("Role", "ClusterRole")
        }
        self._rules: list[tuple[str, Mapping[str, Any]]] = []
        for binding in found:
            if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
                continue
            if not any((s["kind"], s["name"]) == ("Group", group) for s in binding["subjects"]):
                continue
            space = binding["metadata"].get("namespace", "")
            kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
            at = space if kind == "Role" else ""
            self._rules += [(space, rule) for rule in rules[kind, at, name]]

    def allow(self, need: Need) -> bool:
        return any(
            space in ("", need.namespace)
            and not rule.get("resourceNames")
            and {ALL, need.group} & set(rule.get("apiGroups", ()))
            and {ALL, need.resource} & set(rule.get("resources", ()))
            and {ALL, need.verb} & set(rule["verbs"])
            for space, rule in self._rules
        )


def _parsed(command: Sequence[str]) -> Words:
    words: list[str] = []
    flags: dict[str, str] = {}
    rest = iter(command)
    for word in rest:
        if word == "--":
            break
        if not word.startswith("-"):
            words.append(word)
        elif "=" in word:
            name, _, value = word.partition("=")
            flags[name] = value
        else:
            flags[word] = next(rest, "") if _VALUES.fullmatch(word) or word == "--raw" else ""
    return Words(words, flags)


def _on(words: Words, verbs: Sequence[str], kind: str) -> Iterator[Need]:
    group, resource = _known(kind)
    yield from (Need(verb, group, resource, words.namespace) for verb in verbs)


def _known(kind: str) -> tuple[str, str]:
    plural = kind if "/" in kind else _plural(kind)
    for groups in RESOURCES.values():
        for group, resources in groups.items():
            if plural in resources:
                return group, plural
    raise ValueError(f"{kind}: config/resources.py has no such resource")


def _plural(kind: str) -> str:
    known = {resource for groups in RESOURCES.values() for r in groups.values() for resource in r}
    kind = {"deploy": "deployment"}.get(kind, kind)
    for plural in (kind, f"{kind}s", f"{kind.removesuffix('y')}ies"):
        if plural in known:
            return plural
    return kind
