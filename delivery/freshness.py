"""`python -m delivery.freshness`: say for how long a whole backup of some schedule is overdue.

What counts is what the schedule made itself: one that somebody makes says nothing of the next.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from delivery import velero
from delivery.cluster import Cluster, ClusterError, connect
from delivery.report import DIMENSION

METRIC_NAMESPACE = "mindforce/backups"
"""Another than the drill's: who may publish this can't say that a drill has passed."""
METRIC = "BackupOverdueHours"
_LABEL = "velero.io/schedule-name"


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How old a schedule's newest whole backup is; where none is, the schedule itself."""

    schedule: str
    backup: str
    age: timedelta
    gap_hours: int
    """What may lie between two."""

    @property
    def overdue_hours(self) -> float:
        return max(0.0, self.age / timedelta(hours=1) - self.gap_hours)

    def line(self) -> str:
        hours = f"{self.age / timedelta(hours=1):.1f} h"
        due = f"due every {self.gap_hours} h"
        if self.backup:
            return f"{self.schedule}: the newest whole backup, {self.backup}, is {hours} old; {due}"
        return f"{self.schedule}: no backup is whole, and it is there for {hours}; {due}"


def freshness(
    cluster: Cluster, gaps: Mapping[str, int], now: datetime | None = None
) -> Iterator[Freshness]:
    """Yield how it is with each schedule. Raises ClusterError, also where one isn't there."""
    now = now or datetime.now(UTC)
    backups = cluster.items(f"{velero.GROUP}/backups")
    for schedule, gap_hours in gaps.items():
        made = cluster.get(f"{velero.GROUP}/schedules/{schedule}")["metadata"]
        whole = {
            velero.completed(backup): backup["metadata"]["name"]
            for backup in backups
            if backup["metadata"].get("labels", {}).get(_LABEL) == schedule
            and velero.is_whole(backup)
            and not velero.expired(backup, now)
        }
        since = max(whole, default=velero.moment(made["creationTimestamp"]))
        yield Freshness(
            schedule=schedule,
            backup=whole.get(since, ""),
            age=now - since,
            gap_hours=gap_hours,
        )


def publish(overdue_hours: float, environment: str) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace=METRIC_NAMESPACE,
        MetricData=[
            {
                "MetricName": METRIC,
                "Dimensions": [{"Name": DIMENSION, "Value": environment}],
                "Value": overdue_hours,
            }
        ],
    )


def _gap(text: str) -> tuple[str, int]:
    schedule, _, hours = text.partition("=")
    if not schedule or not hours.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} must be such as 'daily=24', the hours whole")
    return schedule, int(hours)


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when it is published, however late a backup is; 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.freshness", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG, or the pod's own")
    parser.add_argument("--environment", required=True, help="its name, of which the metric is")
    what = "such as 'daily=24': its name, and the hours that may lie between two of its backups"
    parser.add_argument("--schedule", action="append", required=True, type=_gap, help=what)
    given = parser.parse_args(arguments)
    try:
        with connect(given.kubeconfig) as cluster:
            found = list(freshness(cluster, dict(given.schedule)))
        for one in found:
            print(one.line())
        publish(max(one.overdue_hours for one in found), given.environment)
    except (ClusterError, BotoCoreError, ClientError) as error:
        print(f"FAILED: how late backups are can't be told or published: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
