"""`python -m delivery.drill`: restore the newest backup beside what runs, and say what it lacks.

Nothing of what is restored runs: workloads have no pods, schedules are suspended, and no service
account has a role. So nothing in it can write to an archive, or serve anybody.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from delivery import contents, velero
from delivery.arguments import whole
from delivery.cluster import Cluster, ClusterError, Object, connect, wait_for
from delivery.contents import Contents, Key
from delivery.data_check import check_data
from delivery.report import Verdict, publish
from delivery.restore import restore
from delivery.restored import CONFIG_MAPS, MODIFIER, OWN, SKIPPED, expected, modifier

PREFIX = "drill-"
_SECONDS = 1800.0
_CLEAN_SECONDS = 300.0


@dataclass(kw_only=True)
class Drill:
    """One drill over some namespaces of a cluster."""

    cluster: Cluster
    s3: Any
    namespaces: Sequence[str]
    max_age_hours: int
    data: bool = True
    verdict: Verdict = field(default_factory=Verdict)

    def run(self) -> Verdict:
        """Restore, compare, clean up. Never raises for what is wrong with a backup."""
        try:
            location = velero.location(self.cluster)
            self.verdict.bucket = location["spec"]["objectStorage"]["bucket"]
            backup = self._newest()
            held = contents.read(self.s3, location, self.verdict.backup)
            self.verdict.problems += self._lacks(backup, held)
            if not self.verdict.problems:
                self._try(held)
            if self.data:
                self.verdict.rows, found = check_data(
                    self.s3, self.verdict.bucket, max_age_hours=self.max_age_hours
                )
                self.verdict.problems += found
        except (velero.VeleroError, ClusterError) as error:
            self.verdict.problems.append(str(error))
        self.verdict.finished = datetime.now(UTC)
        return self.verdict

    def _newest(self) -> Object:
        backup = velero.newest(self.cluster, holding=self.namespaces)
        self.verdict.backup = backup["metadata"]["name"]
        age = datetime.now(UTC) - velero.completed(backup)
        if age > timedelta(hours=self.max_age_hours):
            hours = age.total_seconds() / 3600
            raise velero.VeleroError(
                f"The newest backup, {self.verdict.backup}, is {hours:.0f} h old; "
                f"it may be {self.max_age_hours}."
            )
        return backup

    def _lacks(self, backup: Object, held: Contents) -> Iterator[str]:
        """Yield what the backup doesn't hold although it was there before."""
        started = velero.moment(backup["status"]["startTimestamp"])
        for namespace in self.namespaces:
            mine = {key for key in held if key.namespace == namespace}
            if not mine:
                yield f"The backup {self.verdict.backup} is empty: it holds nothing of {namespace}."
                continue
            for resource, version in sorted({(k.resource, k.version) for k in mine}):
                if resource in SKIPPED:
                    continue
                some = Key(resource=resource, version=version, namespace=namespace, name="")
                names = {k.name for k in mine if k.resource == resource}
                for item in self.cluster.items(some.path(namespace)):
                    name = item["metadata"]["name"]
                    there = velero.moment(item["metadata"]["creationTimestamp"]) < started
                    labels = item["metadata"].get("labels", {})
                    left_out = labels.get(contents.EXCLUDED_LABEL) == "true"
                    if there and name not in names and not left_out:
                        yield (
                            f"The backup {self.verdict.backup} lacks {resource} "
                            f"{namespace}/{name}, which was there when it was made."
                        )

    def _try(self, held: Contents) -> None:
        name = f"drill-{velero.stamp()}"
        targets = {namespace: f"{PREFIX}{namespace}" for namespace in self.namespaces}
        with self._cleaned(name, targets.values()):
            self.cluster.delete(f"{CONFIG_MAPS}/{MODIFIER}")
            self.cluster.create(CONFIG_MAPS, modifier())
            restore(
                self.cluster,
                name,
                backup=self.verdict.backup,
                namespaces=targets,
                spec={
                    "excludedResources": list(SKIPPED),
                    "restorePVs": False,
                    "includeClusterResources": False,
                    "resourceModifier": {"kind": "ConfigMap", "name": MODIFIER},
                },
                seconds=_SECONDS,
            )
            for source, target in targets.items():
                self._compare({k: v for k, v in held.items() if k.namespace == source}, target)

    def _compare(self, held: Contents, target: str) -> None:
        found: dict[Key, dict[str, Object]] = {}
        for key, item in held.items():
            if key.resource in SKIPPED or (key.resource, key.name) in OWN:
                continue
            kind = Key(resource=key.resource, version=key.version, namespace="", name="")
            if kind not in found:
                items = self.cluster.items(kind.path(target))
                found[kind] = {one["metadata"]["name"]: one for one in items}
            self.verdict.objects += 1
            restored = found[kind].get(key.name)
            if restored is None:
                self.verdict.problems.append(f"{key} was not restored.")
                continue
            wanted = contents.comparable(item)
            apart = [
                path
                for path in contents.differences(wanted, contents.comparable(restored))
                if not expected(key.resource, path)
            ]
            if apart:
                self.verdict.problems.append(f"{key} differs in {', '.join(apart[:5])}.")

    @contextlib.contextmanager
    def _cleaned(self, name: str, targets: Any) -> Iterator[None]:
        """Begin and end without the drill's namespaces, also those of a drill that was killed."""
        spaces = [f"api/v1/namespaces/{target}" for target in targets]

        def clean() -> None:
            for space in spaces:
                self.cluster.delete(space)
            wait_for(
                "the drill's namespaces are gone",
                lambda: not any(self.cluster.find(space) for space in spaces),
                seconds=_CLEAN_SECONDS,
            )

        clean()
        try:
            yield
        finally:
            clean()
            made = f"{velero.GROUP}/restores/{name}"
            self.cluster.delete(made)
            wait_for(
                f"the restore {name} is gone",
                lambda: self.cluster.find(made) is None,
                seconds=_CLEAN_SECONDS,
            )
            self.cluster.delete(f"{CONFIG_MAPS}/{MODIFIER}")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the backup is proven, 1 when not; the verdict is published in both cases."""
    parser = argparse.ArgumentParser(prog="python -m delivery.drill", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG, or the pod's own")
    parser.add_argument("--environment", required=True, help="its name, of which the metric is")
    parser.add_argument("--namespace", action="append", help="may be repeated; default: web")
    parser.add_argument("--max-age-hours", type=whole(1, 8760), default=26)
    parser.add_argument("--no-data", dest="data", action="store_false", help="objects only")
    given = parser.parse_args(arguments)
    try:
        with connect(given.kubeconfig) as cluster:
            drill = Drill(
                cluster=cluster,
                s3=boto3.client("s3"),
                namespaces=given.namespace or ["web"],
                max_age_hours=int(given.max_age_hours),
                data=given.data,
            )
            verdict = drill.run()
            for line in verdict.lines():
                print(line)
            publish(verdict, cluster, given.environment)
    except (ClusterError, BotoCoreError, ClientError) as error:
        print(f"FAILED: the verdict could not be published: {error}")
        return 1
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
