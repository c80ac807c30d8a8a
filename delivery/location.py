"""`python -m delivery.location`: have backups of another bucket at hand, and write none there."""

import argparse
import sys
from pathlib import Path

from delivery import velero
from delivery.cluster import Cluster, ClusterError, connect, wait_for
from k8s.velero import StorageLocation

NAME = "copy"
_SECONDS = 180.0


def add(
    cluster: Cluster, name: str, *, bucket: str, region: str, seconds: float = _SECONDS
) -> None:
    """Make a storage location that is only read. Raises VeleroError or ClusterError.

    Of one that doesn't get available nothing is left.
    """
    path = f"{velero.GROUP}/backupstoragelocations"
    if found := cluster.find(f"{path}/{name}"):
        there = found["spec"]["objectStorage"]["bucket"]
        raise velero.VeleroError(
            f"There is a storage location {name!r} (bucket {there}); give this one another --name."
        )
    wanted = StorageLocation(
        namespace=velero.NAMESPACE, bucket=bucket, region=region, name=name, read_only=True
    )
    cluster.create(path, wanted.manifest())
    try:
        wait_for(
            f"Velero has looked at the bucket {bucket}; does its server run?",
            lambda: cluster.get(f"{path}/{name}").get("status", {}).get("phase"),
            seconds=seconds,
        )
        velero.location(cluster, name)
    except (velero.VeleroError, ClusterError):
        cluster.delete(f"{path}/{name}")
        raise


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when the bucket can be read, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.location", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="default: $KUBECONFIG")
    parser.add_argument("--name", default=NAME, help=f"of the storage location; default: {NAME}")
    parser.add_argument("--bucket", required=True, help="whose backups are below velero/backups")
    parser.add_argument("--region", required=True, help="of the bucket")
    given = parser.parse_args(arguments)
    try:
        with connect(given.kubeconfig) as cluster:
            add(cluster, given.name, bucket=given.bucket, region=given.region)
    except (velero.VeleroError, ClusterError) as error:
        print(f"FAILED: {error}")
        return 1
    print(f"{given.bucket} can be read; Velero lists its backups within a minute.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
