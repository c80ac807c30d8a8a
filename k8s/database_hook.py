"""What the database does around the snapshot of its volume."""

from k8s.database import LABELS
from k8s.database_member import NAME
from k8s.velero import Hook

_PSQL = ("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=postgres")
# By the socket, as the system's user of that name: no password exists.
_AS = ("--username=postgres",)


def database_hook(namespace: str) -> Hook:
    """Return the primary's hook.

    A volume's snapshot is of one moment, so it holds what a crash would leave: consistent, once the
    log since the last checkpoint is replayed. A checkpoint before makes that short; a new segment
    of the log after it lets the archive lead on from there.
    """
    return Hook(
        name="database",
        namespace=namespace,
        labels={**LABELS, "role": "primary"},
        container=NAME,
        before=[*_PSQL, *_AS, "--command=CHECKPOINT"],
        after=[*_PSQL, *_AS, "--command=SELECT pg_switch_wal()"],
    )
