"""Who may do what in a cluster: people-roles, from the IAM role to what RBAC lets it do.

A role's name is known here, so that the identity account can let people assume it before it is
there. Nothing but the standard library is imported: what makes the accounts reads this table too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from config.errors import Problem, within
from config.identifiers import account_problems
from config.resources import RESOURCES, VERBS

Mode = Literal["access-entries", "aws-auth"]
AuthenticationMode = Literal["API_AND_CONFIG_MAP", "API"]
Trusted = Literal["people", "pipeline"]
Sight = Literal["alarms", "dashboard", "logs", "cluster-key"]

PREFIX = "mindforce"
MAX_SESSION_HOURS = 12
"""What IAM allows a role's sessions to last."""
STARTED: Mapping[str, str] = {"restore-drill": "velero", "database-dump": "database"}
"""The CronJobs that can be started by hand, with the namespace of each: one in each namespace."""

_NAME = re.compile(r"[a-z][a-z-]{1,30}[a-z]")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Verbs on classes of resources, which config/resources.py names."""

    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def problems(self) -> Iterator[Problem]:
        for field, known in (("resources", tuple(RESOURCES)), ("verbs", VERBS)):
            given = getattr(self, field)
            if not given or not set(given) <= set(known):
                yield Problem(field, given, f"it must be some of {', '.join(known)}")


@dataclass(frozen=True, kw_only=True)
class Role:
    """A people-role; `rules` hold in every namespace and for what is in none."""

    name: str
    trusts: Trusted
    """Who assumes it: people of the identity account with MFA, or the pipeline's role."""
    session_hours: int
    rules: tuple[Rule, ...] = ()
    workload_rules: tuple[Rule, ...] = ()
    """What more it may do in the namespaces of the workloads."""
    starts: tuple[str, ...] = ()
    """CronJobs of STARTED that it may make a Job of: as they are, and nothing else there."""
    sees: tuple[Sight, ...] = ()
    """What it may look at in the account, beside the cluster's address."""
    break_glass: bool = False
    """EKS itself lets it do anything, whatever becomes of RBAC and of aws-auth."""

    @property
    def iam_name(self) -> str:
        """The IAM role's name in each environment's account; it has no path, as aws-auth asks."""
        return f"{PREFIX}-{self.name}"

    @property
    def group(self) -> str:
        """The Kubernetes group of who has assumed the role."""
        return f"{PREFIX}:{self.name}"

    @property
    def username(self) -> str:
        """The Kubernetes user's name, as a template that EKS fills in: who it was, for audit."""
        return f"{self.group}:{{{{SessionName}}}}"

    def problems(self) -> Iterator[Problem]:
        if not _NAME.fullmatch(self.name):
            yield Problem("name", self.name, "it must be 3 to 32 of a-z and '-', letters outside")
        if self.trusts not in get_args(Trusted):
            right = f"it must be one of {', '.join(get_args(Trusted))}"
            yield Problem("trusts", self.trusts, right)
        if not 1 <= self.session_hours <= MAX_SESSION_HOURS:
            right = f"it must be 1 to {MAX_SESSION_HOURS}"
            yield Problem("session_hours", self.session_hours, right)
        for field in ("rules", "workload_rules"):
            for number, rule in enumerate(getattr(self, field)):
                yield from within(f"{field}[{number}]", rule.problems())
        for field, known in (("starts", tuple(STARTED)), ("sees", get_args(Sight))):
            given = getattr(self, field)
            if not set(given) <= set(known) or len(set(given)) != len(given):
                yield Problem(field, given, f"it must be some of {', '.join(known)}, each once")
        if self.break_glass == bool(self.rules or self.workload_rules):
            right = "a role has rules, or it is break_glass and needs none"
            yield Problem("rules", self.rules, right)


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may use an environment's cluster, and how EKS learns it."""

    identity_account: str
    """The account whose IAM users are the people; they assume roles with MFA only."""
    pipeline_role: str
    """ARN of the role that assumes what trusts the pipeline; it need not exist yet."""
    roles: tuple[Role, ...]
    mode: Mode = "access-entries"
    """How people's roles become groups; machines' roles have access entries in each mode."""
    authentication_mode: AuthenticationMode = "API_AND_CONFIG_MAP"
    """What EKS asks. "API" forgets aws-auth for good: no cluster goes back from there."""
    api_only_for_good: str = ""
    """The environment's name, written by who has understood that there is no way back from API."""

    def role(self, name: str) -> Role:
        """Return the role of that name. Raises KeyError when the table has none."""
        return {role.name: role for role in self.roles}[name]

    def problems(self, environment: str) -> Iterator[Problem]:
        yield from account_problems("identity_account", self.identity_account)
        if not _ROLE_ARN.fullmatch(self.pipeline_role):
            yield Problem("pipeline_role", self.pipeline_role, "it must be the ARN of an IAM role")
        yield from self._mode_problems(environment)
        names = [role.name for role in self.roles]
        if len(set(names)) != len(names):
            yield Problem("roles", names, "each must have a name of its own")
        if not any(role.break_glass and role.trusts == "people" for role in self.roles):
            yield Problem("roles", names, "one that people assume must be break_glass")
        for role in self.roles:
            yield from within(f"roles[{role.name}]", role.problems())

    def _mode_problems(self, environment: str) -> Iterator[Problem]:
        for field, kind in (("mode", Mode), ("authentication_mode", AuthenticationMode)):
            if getattr(self, field) not in get_args(kind):
                right = f"it must be one of {', '.join(get_args(kind))}"
                yield Problem(field, getattr(self, field), right)
        api_only = self.authentication_mode == "API"
        if api_only and self.mode == "aws-auth":
            right = "a cluster of authentication_mode API reads no aws-auth"
            yield Problem("mode", self.mode, right)
        if self.api_only_for_good != (environment if api_only else ""):
            right = (
                f"authentication_mode API has no way back: write {environment!r} to take it"
                if api_only
                else "it must be '' unless authentication_mode is 'API'"
            )
            yield Problem("api_only_for_good", self.api_only_for_good, right)
