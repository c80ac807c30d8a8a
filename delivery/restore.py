"""`python -m delivery.restore`: bring namespaces back from a backup, over nothing that is there."""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from delivery import velero
from delivery.changes import CONFIG_MAPS, Change, modifier
from delivery.chosen import NEWEST, chosen
from delivery.cluster import Cluster, ClusterError, Object, connect

_SECONDS = 3600.0
# Made anew by whom they belong to; restored, they would be in the way. Backups hold none of those
# that Velero's schedules leave out, unless somebody made one by other means.
EXCLUDED = (
    *velero.DERIVED,
    "events",
    "events.events.k8s.io",
    "nodes",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "targetgroupbindings.elbv2.k8s.aws",
    "backups.velero.io",
    "restores.velero.io",
    "backuprepositories.velero.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
)
# Patroni writes into annotations who was elected, and of which cluster: of one that has no data
# any more, its members would wait for a leader for ever. Without them they elect one anew.
ELECTION = Change(
    resource="configmaps",
    names=("database-config", "database-failover", "database-leader", "database-sync"),
    labels={"app.kubernetes.io/name": "database", "app.kubernetes.io/instance": "database"},
    patch={"metadata": {"annotations": None}},
)
# The load balancer controller's name a target group that is gone, so that a pod would never get
# ready; it gives new pods theirs.
_GATES = Change(resource="pods", patch={"spec": {"readinessGates": None}})
CHANGES = (ELECTION, _GATES)


def restore(
    cluster: Cluster,
    name: str,
    *,
    backup: str,
    namespaces: Mapping[str, str],
    existing: bool = False,
    partial: bool = False,
    excluded: Sequence[str] = EXCLUDED,
    changes: Sequence[Change] = CHANGES,
    changes_name: str | None = None,
    spec: Object | None = None,
    seconds: float = _SECONDS,
) -> Object:
    """Restore namespaces of a backup, each into one of that or another name; return the Restore.

    `changes_name` is of the ConfigMap that holds the changes meanwhile; the restore's by default.
    Raises VeleroError where a namespace is there and `existing` doesn't say that what lacks in it
    may be added: what is there is never changed; and where the backup isn't whole and `partial`
    doesn't say that it need not be. Raises ClusterError.
    """
    found = velero.find(cluster, backup, partial=partial)
    velero.location(cluster, found["spec"]["storageLocation"])
    for source, target in namespaces.items():
        if not velero.includes(found, source):
            raise velero.VeleroError(f"The backup {backup} doesn't hold the namespace {source!r}.")
        if not existing and cluster.find(f"api/v1/namespaces/{target}") is not None:
            raise velero.VeleroError(
                f"The namespace {target!r} exists. Restore into another (INTO=…), delete it, or "
                "say --existing to add what it lacks; what is there stays as it is."
            )
    changes_name = changes_name or name
    wanted = {
        "backupName": backup,
        "includedNamespaces": list(namespaces),
        "namespaceMapping": {a: b for a, b in namespaces.items() if a != b},
        "excludedResources": list(excluded),
        "existingResourcePolicy": "none",
        "resourceModifier": {"kind": "ConfigMap", "name": changes_name},
        **(spec or {}),
    }
    with _told(cluster, changes_name, changes):
        made = velero.run(cluster, "Restore", name, wanted, seconds=seconds)
    for problem in velero.problems(cluster, made):
        raise velero.VeleroError(problem)
    return made


@contextlib.contextmanager
def _told(cluster: Cluster, name: str, changes: Sequence[Change]) -> Iterator[None]:
    """Tell Velero of changes, for as long as it restores; also where a restore was killed."""
    cluster.delete(f"{CONFIG_MAPS}/{name}")
    cluster.create(CONFIG_MAPS, modifier(name, changes))
    try:
        yield
    finally:
        cluster.delete(f"{CONFIG_MAPS}/{name}")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all is there, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.restore", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG")
    parser.add_argument(
        "--from", dest="backup", default=NEWEST, help="a backup; default: the newest that holds any"
    )
    parser.add_argument("--namespace", default="web", help="what to bring back; default: web")
    parser.add_argument("--into", help="another name for it")
    parser.add_argument("--existing", action="store_true", help="add to what is there already")
    parser.add_argument(
        "--partial", action="store_true", help="from a backup that isn't whole, too"
    )
    given = parser.parse_args(arguments)
    target = given.into or given.namespace
    try:
        with connect(given.kubeconfig) as cluster:
            found, held = chosen(
                cluster,
                given.backup,
                given.namespace,
                without=EXCLUDED,
                partial=given.partial,
            )
            backup = found["metadata"]["name"]
            lacking = list(velero.problems(cluster, found))
            hours = (datetime.now(UTC) - velero.completed(found)).total_seconds() / 3600
            print(
                f"{backup} is {hours:.1f} h old and holds {held} objects of {given.namespace}.",
                flush=True,
            )
            made = restore(
                cluster,
                f"manual-{velero.stamp()}",
                backup=backup,
                namespaces={given.namespace: target},
                existing=given.existing,
                partial=given.partial,
            )
            number = made["status"].get("warnings", 0)
            warnings = velero.said(cluster, made, "warnings") if number else []
    except (velero.VeleroError, ClusterError) as error:
        print(f"FAILED: {error}")
        return 1
    items = made["status"].get("progress", {}).get("itemsRestored", 0)
    print(f"{given.namespace} of {backup} is in {target}: {items} objects.")
    for problem in lacking:
        print(f"It lacks what the backup lacks: {problem}")
    if number:
        print(f"{number} warnings; Velero says: {'; '.join(warnings) or 'they can not be read'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
