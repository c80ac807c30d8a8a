"""A drill's verdict, and where it is written: metric, event, report."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3

from delivery import velero
from delivery.cluster import Cluster

METRIC_NAMESPACE = "mindforce"
METRIC = "RestoreDrillPassed"
DIMENSION = "Environment"
REPORTS = "drills"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Verdict:
    """What a drill saw; it passed when there are no problems."""

    started: datetime = field(default_factory=_now)
    finished: datetime = field(default_factory=_now)
    bucket: str = ""
    backup: str = ""
    objects: int = 0
    rows: int | None = None
    """None where only objects were compared."""
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.problems

    def lines(self) -> Iterator[str]:
        yield from self.problems
        seconds = (self.finished - self.started).total_seconds()
        rows = "rows not compared" if self.rows is None else f"{self.rows} rows"
        seen = f"backup {self.backup or 'none'}, {self.objects} objects, {rows}"
        yield f"{'PASSED' if self.passed else 'FAILED'}: {seen}, {seconds:.0f} s"

    def report(self) -> dict[str, Any]:
        return {
            "started": self.started.isoformat(),
            "finished": self.finished.isoformat(),
            "passed": self.passed,
            "backup": self.backup,
            "objects": self.objects,
            "rows": self.rows,
            "problems": self.problems,
        }


def publish(verdict: Verdict, cluster: Cluster, environment: str) -> None:
    """Write the metric, the event and the report, each even where another fails.

    Raises what the last that failed raised.
    """
    with contextlib.ExitStack() as last_first:
        # Last in, first out: the metric, which alarms, comes first.
        if verdict.bucket:
            last_first.callback(_write_report, verdict)
        last_first.callback(_write_event, verdict, cluster)
        last_first.callback(_write_metric, verdict, environment)


def _write_metric(verdict: Verdict, environment: str) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace=METRIC_NAMESPACE,
        MetricData=[
            {
                "MetricName": METRIC,
                "Dimensions": [{"Name": DIMENSION, "Value": environment}],
                "Timestamp": verdict.finished,
                "Value": float(verdict.passed),
            }
        ],
    )


def _write_event(verdict: Verdict, cluster: Cluster) -> None:
    now = verdict.finished.strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"restore-drill-{uuid.uuid4()}", "namespace": velero.NAMESPACE},
        "type": "Normal" if verdict.passed else "Warning",
        "reason": "RestoreDrillPassed" if verdict.passed else "RestoreDrillFailed",
        "message": "\n".join(verdict.lines())[:1000],
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": "restore-drill"},
        "involvedObject": {
            "apiVersion": "velero.io/v1",
            "kind": "Backup",
            "namespace": velero.NAMESPACE,
            "name": verdict.backup or "none",
        },
    }
    cluster.create(f"api/v1/namespaces/{velero.NAMESPACE}/events", body)


def _write_report(verdict: Verdict) -> None:
    boto3.client("s3").put_object(
        Bucket=verdict.bucket,
        Key=f"{REPORTS}/{verdict.finished:%Y-%m-%dT%H-%M-%SZ}.json",
        Body=json.dumps(verdict.report(), indent=1).encode(),
        ContentType="application/json",
    )
