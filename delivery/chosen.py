"""Which backup a namespace is restored from."""

from collections.abc import Collection

from delivery import contents, velero
from delivery.cluster import Cluster, Object
from delivery.comparison import compared

NEWEST = "newest"


def chosen(
    cluster: Cluster, name: str, namespace: str, *, without: Collection[str], partial: bool
) -> tuple[Object, int]:
    """Return a backup and how many objects of a namespace it holds: by its name, or the newest.

    A backup of all namespaces doesn't say which there were, and one that was made after a loss is
    whole too: the newest is that which holds something, but for some kinds and for what each
    namespace has anyway. Raises VeleroError or ClusterError.
    """
    if name == NEWEST:
        there = velero.kept(cluster, holding=[namespace], partial=partial)
        none = f"None of {len(there)} backups holds anything"
    else:
        there = [velero.find(cluster, name, partial=partial)]
        none = f"The backup {name} holds nothing"
    for backup in there:
        one = backup["metadata"]["name"]
        held = contents.unpack(velero.download(cluster, "BackupContents", one), one)
        if number := len(compared(held, [namespace], without=without)):
            return backup, number
    raise velero.VeleroError(f"{none} of the namespace {namespace!r}.")
