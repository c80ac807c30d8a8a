"""Objects that are gone before something is done and after it, however that ends."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from delivery import velero
from delivery.cluster import Cluster, ClusterError, wait_for
from delivery.deadline import Ended

_SECONDS = 300.0
ENDED_SECONDS = 80.0
"""How long the clean-up may take where all is to end."""


@contextmanager
def cleared(cluster: Cluster, paths: Sequence[str]) -> Iterator[None]:
    """Delete these and wait until they are gone, before and after. Raises ClusterError or Ended.

    What Velero is at work on is deleted once that has ended: without its namespaces it does soon.
    """
    try:
        _clear(cluster, paths, _SECONDS)
        try:
            yield
        except Ended:
            raise
        except BaseException:
            _clear(cluster, paths, _SECONDS)
            raise
        _clear(cluster, paths, _SECONDS)
    except Ended as ended:
        try:
            _clear(cluster, paths, ENDED_SECONDS)
        except ClusterError as error:
            raise Ended(f"{ended}, and left something behind: {error}") from error
        raise


def _clear(cluster: Cluster, paths: Sequence[str], seconds: float) -> None:
    def gone() -> bool:
        there = {path: item for path in paths if (item := cluster.find(path))}
        for path, item in there.items():
            # Once more where a restore that goes on has made it anew.
            if "deletionTimestamp" not in item["metadata"] and not velero.goes_on(item):
                cluster.delete(path)
        return not there

    wait_for(f"{', '.join(paths)} are gone", gone, seconds=seconds)
