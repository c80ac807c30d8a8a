"""What a drill looks at: all that its CronJob says, unless somebody asks for less."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from delivery import velero
from delivery.arguments import whole
from delivery.cluster import Cluster

CRON_JOB = "restore-drill"
_PATH = f"apis/batch/v1/namespaces/{velero.NAMESPACE}/cronjobs/{CRON_JOB}"


class ScopeError(Exception):
    """Nobody says what to look at; a sentence says who could."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Namespaces, how old their backup may be, and whether rows are compared."""

    namespaces: Sequence[str]
    max_age_hours: int
    data: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    of_cron = "default: what the CronJob has"
    parser.add_argument("--namespace", action="append", help=f"may be repeated; {of_cron}")
    parser.add_argument("--max-age-hours", type=whole(1, 8760), help=of_cron)
    parser.add_argument("--no-data", dest="data", action="store_false", help="objects only")


def scheduled(cluster: Cluster) -> Scope | None:
    """Return what the drill's CronJob looks at, None where there is none.

    Raises ScopeError where it doesn't say it all, and ClusterError.
    """
    found = cluster.find(_PATH)
    if found is None:
        return None
    (container,) = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given, _ = parser.parse_known_args(container.get("args", []))
    if not given.namespace or not given.max_age_hours:
        raise ScopeError(
            f"The CronJob {velero.NAMESPACE}/{CRON_JOB} must say --namespace and --max-age-hours, "
            "which a deploy of Workloads gives it."
        )
    return Scope(
        namespaces=given.namespace, max_age_hours=int(given.max_age_hours), data=given.data
    )


def asked(given: argparse.Namespace, cron: Scope | None) -> Scope:
    """Return what is asked for; what isn't said is as in the CronJob. Raises ScopeError."""
    namespaces = given.namespace or (cron and cron.namespaces)
    hours = given.max_age_hours or (cron and cron.max_age_hours)
    if not namespaces or not hours:
        raise ScopeError(
            f"There is no CronJob {velero.NAMESPACE}/{CRON_JOB} that says which namespaces to "
            "restore, and how old their backup may be; say --namespace and --max-age-hours."
        )
    return Scope(
        namespaces=namespaces,
        max_age_hours=int(hours),
        data=given.data and (cron is None or cron.data),
    )


def lacking(scope: Scope, cron: Scope | None) -> Iterator[str]:
    """Yield what of the CronJob's drill this one leaves out."""
    if cron is None:
        yield f"there is no CronJob {velero.NAMESPACE}/{CRON_JOB} that says what a drill is"
        return
    if left := sorted(set(cron.namespaces) - set(scope.namespaces)):
        yield f"{', '.join(left)} was not restored, as the CronJob has it"
    if cron.data and not scope.data:
        yield "rows were not compared, as the CronJob has it"
    if scope.max_age_hours > cron.max_age_hours:
        yield f"the backup might be older than the {cron.max_age_hours} h of the CronJob"
