"""What Prometheus scrapes."""

from collections.abc import Callable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by method, route and status; connections of the pool; the process itself."""

    def __init__(self, connections_in_use: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        requests = Histogram(
            "http_request_duration_seconds",
            "Time from the request's headers to the end of the answer.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        pool = Gauge(
            "database_connections_in_use",
            "Connections of the pool that are lent to requests.",
            registry=self._registry,
        )
        pool.set_function(connections_in_use)
        # labels() takes a lock and checks its arguments each time.
        self._child = lru_cache(maxsize=512)(requests.labels)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is its template, so that there are few."""
        self._child(method, route, status).observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self._registry)
