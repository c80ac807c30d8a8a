"""The pipeline: where it gets its commits from, and what an environment must pass."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import ConfigError, Problem, within
from config.model import Environment, Table
from config.node_group import AMI_ARCHITECTURES
from config.release import ARCHITECTURES
from config.retention import retention_problems
from config.types import check_types

_CONNECTION = re.compile(
    r"arn:aws[a-z-]*:(codeconnections|codestar-connections):(?P<region>[a-z0-9-]+):"
    r"(?P<account>\d{12}):connection/[0-9a-f-]{36}"
)
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_BRANCH = re.compile(r"[\w./-]+")
_URL = re.compile(r"https?://[a-z0-9.-]+(:\d+)?", re.IGNORECASE)
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]+")
_OPTIONS = re.compile(r"--[a-z0-9-]+ [\w./]+( --[a-z0-9-]+ [\w./]+)*")
METRIC_DELAY_MINUTES = 2
"""How much later than its minute CloudWatch has a metric's data point, and looks at it."""
WATCH_LEAST_MINUTES = 3 + METRIC_DELAY_MINUTES
"""What the quickest alarm takes: web-unhealthy, of constructs/mindforce/platform_alarms.py."""
WATCH_LIMIT_MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One environment's turn: it is deployed, then has to pass its gates."""

    environment: str
    url: str
    """The public address of the web service, which smoke and load use from outside."""
    alarm_minutes: int
    """How long no alarm may be raised after a deploy."""
    approval: bool = False
    """Whether a person reads what would change, and says yes, before it."""
    migration_test: bool = False
    load: bool = False
    load_options: str = "--users 100"
    """Of `python -m delivery.load`."""

    def problems(self) -> Iterator[Problem]:
        if not _URL.fullmatch(self.url):
            yield Problem("url", self.url, "it must be such as 'https://web.example.com'")
        if not WATCH_LEAST_MINUTES <= self.alarm_minutes <= WATCH_LIMIT_MINUTES:
            right = (
                f"it must be {WATCH_LEAST_MINUTES} to {WATCH_LIMIT_MINUTES}: "
                f"the quickest alarm takes {WATCH_LEAST_MINUTES}"
            )
            yield Problem("alarm_minutes", self.alarm_minutes, right)
        if not _OPTIONS.fullmatch(self.load_options):
            right = "it must be options of delivery.load, such as '--users 100'"
            yield Problem("load_options", self.load_options, right)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The pipeline in the tooling account. Raises ConfigError when it can't run."""

    table: Table
    """What it deploys."""
    connection_arn: str
    """Of the connection to GitHub (CodeConnections), made and confirmed by hand in the tooling
    account."""
    repository: str
    """Owner and name on GitHub, which alone tells CodeBuild of pull requests as we ask it to, such
    as "example/platform"."""
    branch: str
    docker_hub_secret: str
    """Name of the tooling account's secret with a `username` and an `accessToken` that may push."""
    log_retention_days: int
    artifact_days: int
    """How long what a run made is kept; roll-backs reach back as far."""
    deployments: tuple[Deployment, ...]

    def __post_init__(self) -> None:
        check_types("pipeline", self)
        if problems := list(self.problems()):
            raise ConfigError("pipeline", problems)

    def problems(self) -> Iterator[Problem]:
        account, region = self.table.tooling.account, self.table.tooling.region
        known = [environment.name for environment in self.table.environments]
        found = _CONNECTION.fullmatch(self.connection_arn)
        if not found or (found["account"], found["region"]) != (account, region):
            right = f"it must be the ARN of a connection in account {account}, region {region}"
            yield Problem("connection_arn", self.connection_arn, right)
        if not _REPOSITORY.fullmatch(self.repository):
            right = "it must be a repository of GitHub, such as 'owner/name'"
            yield Problem("repository", self.repository, right)
        if not _BRANCH.fullmatch(self.branch):
            yield Problem("branch", self.branch, "it must be a branch's name such as 'main'")
        if not _SECRET.fullmatch(self.docker_hub_secret):
            yield Problem("docker_hub_secret", self.docker_hub_secret, "it must be a secret's name")
        yield from retention_problems("log_retention_days", self.log_retention_days)
        if not 7 <= self.artifact_days <= 365:
            yield Problem("artifact_days", self.artifact_days, "it must be 7 to 365")
        names = tuple(one.environment for one in self.deployments)
        if not names or len(set(names)) != len(names) or not set(names) <= set(known):
            right = f"each must be another one of {', '.join(known)}"
            yield Problem("deployments", names, right)
        for one in self.deployments:
            yield from within(f"deployments[{one.environment}]", one.problems())
        for environment in self.table.environments:
            if environment.name in names:
                yield from within(environment.name, _unbuilt(environment))


def _unbuilt(environment: Environment) -> Iterator[Problem]:
    """Yield a problem for each node group that takes pods for whose images it is no machine."""
    for group in environment.cluster.node_groups:
        architecture = AMI_ARCHITECTURES[group.ami_type]
        lacking = [name for name, those in ARCHITECTURES.items() if architecture not in those]
        if group.open and lacking:
            right = (
                f"the pipeline builds no {architecture} image for {', '.join(lacking)}, whose pods "
                "may land there: taint the group, or see images/README.md"
            )
            yield Problem(f"cluster.node_groups[{group.name}].ami_type", group.ami_type, right)
