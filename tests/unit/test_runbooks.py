"""Whoever a runbook sends somewhere may go there: its commands are within the role it names."""

import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest

from config.access import STARTED, Role
from config.environments import PROD
from guards.objects import objects
from local.paths import ROOT
from tests.kubectl import Need, Rights, needs, started
from tests.permissions import listed
from tests.synthesis import Synthesis

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
ROLES = {role.name: role for role in PROD.access.roles}
ADMINISTRATOR = "OrganizationAccountAccessRole"
"""May do anything in the account, and isn't known to the cluster."""

_HEAD = re.compile(
    r"Role: \[(\S+)\]\(\.\./\.\./README\.md#who-may-use-a-cluster\) is enough"
    r"(\.|, but for the steps that name another\.)"
)
_STEP = re.compile(r"^(?=- |\d+\. |## )|\n\n(?=\S)", re.MULTILINE)
_PIECE = re.compile(
    r"\*\*As\s+(?P<role>\S+):\*\*|```console\n(?P<block>.*?)```|`(?P<word>[^`]+)`", re.S
)
_COMMANDS = ("aws", "kubectl")


class Command(NamedTuple):
    role: str
    words: Sequence[str]


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a runbook, each with the role that its step or its head names."""
    head = _HEAD.search(text)
    assert head, "it names no role"
    for step in _STEP.split(text[head.end() :]):
        role = head[1]
        for piece in _PIECE.finditer(step):
            role = piece["role"] or role
            for line in _lines(piece["block"] or "") if piece["block"] else [piece["word"] or ""]:
                yield from (Command(role, words) for words in _commands(line))


def _lines(block: str) -> list[str]:
    return re.sub(r"\\\n\s*", " ", block).splitlines()


def _commands(line: str) -> Iterator[Sequence[str]]:
    """Yield the commands of a line of the shell: each of a pipe, and what a variable is set to."""
    line = re.sub(r"^\s*\w+=\$\((.*)\)$", r"\1", line)
    words: list[str] = []
    for word in [*shlex.split(line), "|"]:
        if word != "|":
            words.append(word)
            continue
        if len(words) > 1 and words[0] in _COMMANDS:
            yield words
        words = []


def action(words: Sequence[str]) -> str:
    """Return IAM's name of what a command of the AWS CLI asks for."""
    _, service, operation, *_ = words
    return f"{service}:{''.join(part.title() for part in operation.split('-'))}"


@pytest.fixture(scope="module")
def allowed(whole: Synthesis) -> "Allowed":
    return Allowed(whole.templates()[PROD.name])


class Allowed:
    """What an environment's templates let a role do, in its cluster and in its account."""

    def __init__(self, templates: Any) -> None:
        self._objects = [item for _, item in objects(templates)]
        self._roles = {
            one["Properties"]["RoleName"]: one["Properties"]["Policies"]
            for template in templates.values()
            for one in template["Resources"].values()
            if one["Type"] == "AWS::IAM::Role" and "RoleName" in one["Properties"]
        }
        self.rights = cache(lambda role: Rights(self._objects, role.group))

    def refusals(self, command: Command) -> list[str]:
        """Return what of a command its role may not do."""
        tool, *words = command.words
        role = ROLES.get(command.role)
        if tool == "aws":
            fits = role is None or action(command.words) in self._actions(role)
            return [] if fits else [action(command.words)]
        if role is None:
            return [f"{command.role} isn't known to the cluster"]
        refused = [" ".join(one) for one in needs(words) if not self.rights(role).allow(one)]
        held = started(words) if not self.rights(role).allow(ANYTHING) else None
        if held and (held[1] not in role.starts or STARTED[held[1]] != held[0]):
            refused.append(f"start {'/'.join(held)}")
        return refused

    def _actions(self, role: Role) -> set[str]:
        return {
            action
            for policy in self._roles[role.iam_name]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in listed(statement["Action"])
        }


ANYTHING = Need("escalate", "rbac.authorization.k8s.io", "clusterroles", "")


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_the_role_that_a_runbook_names_may_do_what_it_says(file: Any, allowed: Allowed) -> None:
    text = file.read_text()
    head = _HEAD.match(text.split("\n\n", 1)[1])
    assert head, "its first line is the role"
    others = set(re.findall(r"\*\*As\s+(\S+):\*\*", text))
    assert (head[2] != ".") is bool(others)
    assert {head[1], *others} <= {*ROLES, ADMINISTRATOR}
    refused = {" ".join(one.words): allowed.refusals(one) for one in commands(text)}
    assert {command: why for command, why in refused.items() if why} == {}


def _runbook(line: str) -> str:
    head = "Role: [on-call](../../README.md#who-may-use-a-cluster) is enough."
    return f"# A\n\n{head}\n\n## Do\n\n- {line}\n"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("`kubectl -n velero exec deploy/velero -- ls`", "create  pods/exec velero"),
        (
            "`kubectl -n velero patch schedule NAME --type=merge -p '{}'`",
            "patch velero.io schedules velero",
        ),
        (
            "`kubectl -n database rollout undo statefulset/database`",
            "patch apps statefulsets database",
        ),
        ("`kubectl -n kube-system delete pod NAME`", "delete  pods kube-system"),
        ("`kubectl get secrets -A`", "list  secrets "),
        (
            "`kubectl -n velero create job --from=cronjob/backup-freshness now`",
            "start velero/backup-freshness",
        ),
        (
            "`kubectl -n web create job --from=cronjob/restore-drill now`",
            "create batch jobs web",
        ),
        ("```console\n  a=$(aws kms enable-key --key-id x)\n  ```", "kms:EnableKey"),
        (
            "```console\n  true \\\n    | kubectl -n velero delete job now\n  ```",
            "delete batch jobs velero",
        ),
        ("**As platform-admin:** `aws s3 ls`", "s3:Ls"),
        (
            "**As OrganizationAccountAccessRole:** `kubectl get nodes`",
            f"{ADMINISTRATOR} isn't known",
        ),
    ],
)
def test_a_command_that_the_role_may_not_is_named(line: str, why: str, allowed: Allowed) -> None:
    (command,) = commands(_runbook(line))
    assert why in " / ".join(allowed.refusals(command))


@pytest.mark.parametrize(
    "line",
    [
        "`kubectl rollout undo deployment/web -n web`",
        "`kubectl -n database create job --from=cronjob/database-dump by-hand-1`",
        "**As platform-admin:** `kubectl -n velero exec deploy/velero -- ls`",
        "**As platform-admin:** `kubectl -n velero create job --from=cronjob/backup-freshness now`",
        "**As OrganizationAccountAccessRole:** `aws s3 ls`",
    ],
)
def test_a_command_that_the_role_may_is_none(line: str, allowed: Allowed) -> None:
    (command,) = commands(_runbook(line))
    assert allowed.refusals(command) == []


def test_a_command_that_nobody_knows_the_needs_of_is_no_silent_pass(allowed: Allowed) -> None:
    (command,) = commands(_runbook("`kubectl debug node/NAME`"))
    with pytest.raises(
        ValueError, match=r"kubectl debug node/NAME: tests/kubectl\.py doesn't know"
    ):
        allowed.refusals(command)


def test_a_role_is_for_its_step_only() -> None:
    text = _runbook("**As platform-admin:** `kubectl get nodes`\n- `kubectl get pods`")
    assert [command.role for command in commands(text)] == ["platform-admin", "on-call"]
