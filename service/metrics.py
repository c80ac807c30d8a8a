"""What Prometheus scrapes."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, start_http_server
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS = (*map(str, BUCKETS), "+Inf")


class Metrics:
    """Requests by method, route and status; connections of the pool; the process itself."""

    def __init__(self, connections_in_use: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._durations = Durations()
        self._registry.register(self._durations)
        pool = Gauge(
            "database_connections_in_use",
            "Connections of the pool that are lent to requests.",
            registry=self._registry,
        )
        pool.set_function(connections_in_use)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is its template, so that there are few."""
        self._durations.add((method, route, status), seconds)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Answer Prometheus from a thread of its own, at the port that is returned.

        A port of their own keeps the figures from the load balancer, which passes on every path of
        the API's. Raises OSError if the address can't be had.
        """
        try:
            server, thread = start_http_server(port, host, self._registry)
        except OSError as error:
            raise OSError(f"metrics can't be served at {host}:{port}: {error.strerror}") from error
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class Durations(Collector):
    """A histogram that one thread adds to, and another may read.

    prometheus_client's own takes a lock for each number, which is a twentieth of what a request
    costs.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], list[int]] = {}
        self._seconds: dict[tuple[str, str, int], float] = {}

    def add(self, labels: tuple[str, str, int], seconds: float) -> None:
        if labels not in self._counts:
            self._seconds[labels] = 0.0
            self._counts[labels] = [0] * len(_BOUNDS)
        self._counts[labels][bisect_left(BUCKETS, seconds)] += 1
        self._seconds[labels] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(
            "http_request_duration_seconds",
            "Time from the request's headers to the end of the answer.",
            labels=("method", "route", "status"),
        )
        # Of one moment: the event loop may add to it meanwhile.
        for labels, counts in list(self._counts.items()):
            buckets = list(zip(_BOUNDS, accumulate(list(counts)), strict=True))
            family.add_metric([str(one) for one in labels], buckets, self._seconds[labels])
        yield family
