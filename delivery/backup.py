"""`python -m delivery.backup`: back up namespaces now, and say whether the backup is whole."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from delivery import velero
from delivery.arguments import whole
from delivery.cluster import Cluster, ClusterError, Object, connect

_HOURS = 24 * 30
_SECONDS = 3600.0


def backup(
    cluster: Cluster,
    name: str,
    namespaces: Sequence[str] = ("*",),
    *,
    volumes: bool = True,
    keep_hours: int = _HOURS,
    seconds: float = _SECONDS,
) -> Object:
    """Make a backup of namespaces and return it, whole. Raises VeleroError or ClusterError.

    It holds of volumes what the table says, without `volumes` nothing.
    """
    velero.location(cluster)
    if "*" not in namespaces:
        for namespace in namespaces:
            # Velero would make an empty backup, and call it complete.
            if cluster.find(f"api/v1/namespaces/{namespace}") is None:
                raise velero.VeleroError(f"There is no namespace {namespace!r} to back up.")
    spec = {
        "includedNamespaces": list(namespaces),
        "storageLocation": velero.LOCATION,
        "ttl": f"{keep_hours}h0m0s",
        **_as_scheduled(cluster, everything="*" in namespaces, volumes=volumes),
    }
    made = velero.run(cluster, "Backup", name, spec, seconds=seconds)
    for problem in velero.problems(cluster, made):
        raise velero.VeleroError(problem)
    return made


def _as_scheduled(cluster: Cluster, *, everything: bool, volumes: bool) -> Object:
    """Return what the daily schedule says of volumes, hooks and what of everything is left out.

    It has the table's word.
    """
    found = cluster.find(f"{velero.GROUP}/schedules/daily") or {}
    template = found.get("spec", {}).get("template", {})
    excluded = {"excludedNamespaces": template.get("excludedNamespaces", [velero.NAMESPACE])}
    # A hook is for what a volume holds.
    names = ("snapshotVolumes", "snapshotMoveData", "defaultVolumesToFsBackup", "hooks")
    held = {name: template[name] for name in names if name in template}
    return {
        "excludedResources": template.get("excludedResources", list(velero.DERIVED)),
        **(excluded if everything else {}),
        **(held if volumes else {"snapshotVolumes": False, "defaultVolumesToFsBackup": False}),
    }


def told(made: Object) -> str:
    """Return in a sentence what a backup holds, and what not."""
    status = made["status"]
    items = status.get("progress", {}).get("itemsBackedUp", 0)
    lacks = "" if made["spec"].get("snapshotVolumes", True) else "; it holds nothing of volumes"
    name = made["metadata"]["name"]
    return f"Backup {name} holds {items} objects, until {status['expiration']}{lacks}."


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the backup is whole, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.backup", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG")
    parser.add_argument("--name", help="default: by the time")
    parser.add_argument("--namespace", action="append", help="may be repeated; default: all")
    no_volumes = "leave out what the daily schedule holds of volumes"
    parser.add_argument("--no-volumes", dest="volumes", action="store_false", help=no_volumes)
    parser.add_argument("--keep-hours", type=whole(1, 87_600), default=_HOURS)
    given = parser.parse_args(arguments)
    name = given.name or f"manual-{velero.stamp()}"
    try:
        with connect(given.kubeconfig) as cluster:
            made = backup(
                cluster,
                name,
                given.namespace or ("*",),
                volumes=given.volumes,
                keep_hours=int(given.keep_hours),
            )
    except (velero.VeleroError, ClusterError) as error:
        print(f"FAILED: {error}")
        return 1
    print(told(made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
