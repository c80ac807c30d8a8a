"""Which pods are not under Pod Security "restricted", and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from k8s.namespace import PodSecurity


@dataclass(frozen=True, kw_only=True)
class PodException:
    """What a workload's pods do that "restricted" forbids."""

    host_paths: tuple[str, ...]
    """Folders of the node that they read; none is written."""
    as_root: bool
    level: PodSecurity
    """Of Pod Security, in its namespace."""
    reason: str


EXCEPTIONS: Mapping[str, PodException] = {
    "logging/log-agent": PodException(
        host_paths=("/var/log/containers", "/var/log/pods"),
        as_root=True,
        level="privileged",
        reason="containers' logs are files of the node that only root may read",
    ),
    "velero/node-agent": PodException(
        host_paths=(),
        as_root=True,
        level="baseline",
        reason="the pods that it makes read every user's files in a volume's snapshot",
    ),
}
"""By namespace/name. Its namespace is the exception's own: nothing else runs there."""
