"""`python -m delivery.drill`: restore the newest backup beside what runs, and say what it lacks.

Nothing of what is restored runs: workloads have no pods, schedules are suspended, and no service
account has a role. So nothing in it can write to an archive, or serve anybody.
"""

import argparse
import contextlib
import os
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from delivery import contents, lease, scope, velero
from delivery.cleared import cleared
from delivery.cluster import Cluster, ClusterError, Object, connect
from delivery.comparison import apart, compared
from delivery.contents import Contents
from delivery.data_check import check_data
from delivery.deadline import Ended, deadline
from delivery.lacking import lacking
from delivery.report import Verdict, publish
from delivery.restore import restore
from delivery.restored import DRILLED, MODIFIER, SKIPPED

PREFIX = "drill-"
SECONDS = 3000
"""How long a drill may take: its Job has more, for the start of its pod and for its end."""
END_SECONDS = 120
"""How long one that is ended takes at the most to clean up and to tell it."""
_RESTORE_SECONDS = 1800.0


@dataclass(kw_only=True)
class Drill:
    """One drill over some namespaces of a cluster."""

    cluster: Cluster
    s3: Any
    namespaces: Sequence[str]
    max_age_hours: int
    data: bool = True
    seconds: float = SECONDS
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Of which backups and dumps have an age."""
    verdict: Verdict = field(default_factory=Verdict)

    def run(self) -> Verdict:
        """Restore, compare, clean up. Never raises for what is wrong, or takes too long."""
        try:
            with deadline(self.seconds):
                with self._noted():
                    self._check_objects()
                if self.data and self.verdict.bucket:
                    with self._noted():
                        self._check_rows()
        except Ended as ended:
            self.verdict.problems.append(f"The drill was ended: {ended}.")
        self.verdict.finished = datetime.now(UTC)
        return self.verdict

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Note what is raised as what is wrong: a drill that breaks proves nothing."""
        try:
            yield
        except (velero.VeleroError, ClusterError) as error:
            self.verdict.problems.append(str(error))
        except Exception as error:  # noqa: BLE001 # whatever it is, somebody has to be woken
            traceback.print_exc()
            self.verdict.problems.append(f"The drill broke: {type(error).__name__}: {error}.")

    def _check_objects(self) -> None:
        location = velero.location(self.cluster)
        self.verdict.bucket = location["spec"]["objectStorage"]["bucket"]
        backup = self._newest()
        held = contents.read(self.s3, location, self.verdict.backup)
        self.verdict.problems += lacking(self.cluster, backup, held, self.namespaces)
        if not self.verdict.problems:
            self._try(held)

    def _check_rows(self) -> None:
        self.verdict.rows, found = check_data(
            self.s3, self.verdict.bucket, max_age_hours=self.max_age_hours, now=self.now
        )
        self.verdict.problems += found

    def _newest(self) -> Object:
        backup = velero.newest(self.cluster, holding=self.namespaces, now=self.now)
        self.verdict.backup = backup["metadata"]["name"]
        age = self.now - velero.completed(backup)
        if age > timedelta(hours=self.max_age_hours):
            hours = age.total_seconds() / 3600
            raise velero.VeleroError(
                f"The newest backup, {self.verdict.backup}, is {hours:.0f} h old; "
                f"it may be {self.max_age_hours}."
            )
        return backup

    def _try(self, held: Contents) -> None:
        name = f"drill-{velero.stamp()}"
        targets = {namespace: f"{PREFIX}{namespace}" for namespace in self.namespaces}
        made = [
            f"{velero.GROUP}/restores/{name}",
            *(f"api/v1/namespaces/{target}" for target in targets.values()),
        ]
        # What is wrong is noted first: in the clean-up more may go wrong.
        with cleared(self.cluster, made), self._noted():
            restore(
                self.cluster,
                name,
                backup=self.verdict.backup,
                namespaces=targets,
                excluded=SKIPPED,
                changes=DRILLED,
                # A name that its role may delete.
                changes_name=MODIFIER,
                spec={"restorePVs": False, "includeClusterResources": False},
                seconds=_RESTORE_SECONDS,
            )
            wanted = compared(held, self.namespaces, without=SKIPPED)
            self.verdict.objects = len(wanted)
            self.verdict.problems += apart(self.cluster, wanted, targets, DRILLED)


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the backup is proven, 1 when not.

    The verdict is published, but for that of a drill that passed by looking at less than it should.
    """
    parser = argparse.ArgumentParser(prog="python -m delivery.drill", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG, or the pod's own")
    parser.add_argument("--environment", required=True, help="its name, of which the metric is")
    scope.add_arguments(parser)
    given = parser.parse_args(arguments)
    try:
        with connect(given.kubeconfig) as cluster:
            whole = scope.scheduled(cluster)
            asked = scope.asked(given, whole)
            drill = Drill(
                cluster=cluster,
                s3=boto3.client("s3"),
                namespaces=asked.namespaces,
                max_age_hours=asked.max_age_hours,
                data=asked.data,
            )
            seconds = SECONDS + END_SECONDS
            with lease.held(cluster, scope.CRON_JOB, holder=_me(), seconds=seconds):
                verdict = drill.run()
            for line in verdict.lines():
                print(line)
            less = list(scope.lacking(asked, whole))
            if verdict.passed and less:
                print(f"The verdict isn't published: {', and '.join(less)}.")
            else:
                publish(verdict, cluster, given.environment)
    except lease.LeaseError as error:
        # Two would delete each other's namespaces; what the other sees is its to tell.
        print(f"FAILED: another drill goes on: {error}")
        return 1
    except scope.ScopeError as error:
        print(f"FAILED: {error}")
        return 1
    except (ClusterError, BotoCoreError, ClientError) as error:
        print(f"FAILED: the drill could not be done or its verdict not published: {error}")
        return 1
    return 0 if verdict.passed else 1


def _me() -> str:
    """Return who has the lease: a pod's name, or that of somebody's machine."""
    return f"{socket.gethostname()} (process {os.getpid()})"


if __name__ == "__main__":
    sys.exit(main())
