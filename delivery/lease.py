"""One at a time: a Lease in Velero's namespace says who is at work."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from delivery import velero
from delivery.cluster import Cluster, ClusterError, ConflictError, Object

LEASES = f"apis/coordination.k8s.io/v1/namespaces/{velero.NAMESPACE}/leases"


class LeaseError(Exception):
    """Somebody else is at work; a sentence says who, since when and until when at the most."""


@contextlib.contextmanager
def held(cluster: Cluster, name: str, *, holder: str, seconds: int) -> Iterator[None]:
    """Hold a lease for so many seconds at the most. Raises LeaseError or ClusterError."""
    uid = _take(cluster, name, holder, seconds)["metadata"]["uid"]
    try:
        yield
    finally:
        # It runs out by itself, and might be another's by now.
        with contextlib.suppress(ClusterError):
            cluster.delete(f"{LEASES}/{name}", uid=uid)


def _take(cluster: Cluster, name: str, holder: str, seconds: int) -> Object:
    now = datetime.now(UTC)
    at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": velero.NAMESPACE},
        "spec": {
            "holderIdentity": holder,
            "acquireTime": at,
            "renewTime": at,
            "leaseDurationSeconds": seconds,
        },
    }
    try:
        return cluster.create(LEASES, body)
    except ConflictError:
        if found := cluster.find(f"{LEASES}/{name}"):
            spec = found["spec"]
            since = velero.moment(spec["renewTime"])
            until = since + timedelta(seconds=spec["leaseDurationSeconds"])
            if until > now:
                raise LeaseError(
                    f"{spec['holderIdentity']} has been at it since {since:%H:%M} UTC; wait until "
                    f"it has ended, or {until:%H:%M} UTC where it was killed."
                ) from None
            cluster.delete(f"{LEASES}/{name}", uid=found["metadata"]["uid"])
    return cluster.create(LEASES, body)
