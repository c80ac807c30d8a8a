"""The settings that members share, which Patroni keeps with its election and not in files."""

from collections.abc import Mapping
from typing import Any

FILE = "cluster.json"
SCRIPT_FILE = "settle.sh"


def shared(*, max_connections: int) -> Mapping[str, Any]:
    """Return what is wanted; what is no longer in here stays as it was, so write its default.

    None of it says how many members there are: those that stay aren't restarted by those that come
    or go, and none of them becomes the primary without all that was acknowledged.
    """
    return {
        "ttl": 20,
        "loop_wait": 5,
        "retry_timeout": 5,
        # A primary without a standby goes on alone.
        "synchronous_mode": True,
        # An API server that is being upgraded costs no primary, while members see it.
        "failsafe_mode": True,
        "postgresql": {
            "use_pg_rewind": True,
            # What the primary no longer has is in the archive (docs/decisions/0026); a slot for a
            # standby that is away would fill the volume, or need a bound that grows with it.
            "use_slots": False,
            "parameters": {"max_connections": max_connections, "wal_keep_size": "512MB"},
        },
    }


def script(folder: str) -> str:
    """Return what makes a cluster that is there have the settings in a folder's `FILE`.

    Patroni takes them from its own file only when it makes the cluster. A cluster that isn't made
    yet is fine; the exit code is 1 when it can't be asked. A person's `patronictl pause` stays.
    """
    return f"""#!/bin/sh
if said="$(patronictl edit-config --force --quiet --apply {folder}/{FILE} 2>&1)"; then
    if [ -n "$said" ]; then echo "Cluster settings: $said"; fi
    exit 0
fi
case "$said" in *"config key does not exist"*) exit 0 ;; esac
echo "The cluster's settings can't be applied: $said" >&2
exit 1
"""
