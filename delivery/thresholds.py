"""What a load must not do to an environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.ramp import Ramp


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A figure that must be kept: a flag of its name sets its limit."""

    name: str
    what: str
    limit: float
    unit: str
    at_least: bool = False

    def problem(self, measured: float, limit: float) -> str:
        """Return in a sentence how it was missed, or nothing."""
        if measured >= limit if self.at_least else measured <= limit:
            return ""
        way = "at least" if self.at_least else "at most"
        return f"{self.what} was {measured:.4g}{self.unit}; it must be {way} {limit:g}{self.unit}."


THRESHOLDS = (
    Threshold(name="p95", what="The time of 95 % of the requests", limit=250, unit=" ms"),
    Threshold(name="p99", what="The time of 99 % of the requests", limit=500, unit=" ms"),
    Threshold(name="error-rate", what="The share of requests that failed", limit=0.001, unit=""),
    # Otherwise an environment that answers slowly enough would hardly be loaded.
    Threshold(
        name="done",
        what="The share of the ramp's requests that were made",
        limit=0.8,
        unit="",
        at_least=True,
    ),
)


def figures(counted: Mapping[str, Any], ramp: Ramp) -> dict[str, float]:
    """Return what was measured, by the names of THRESHOLDS."""
    total = counted["total"]
    requests = total["num_requests"]
    return {
        "p95": total["response_time_percentile_0.95"],
        "p99": total["response_time_percentile_0.99"],
        "error-rate": total["num_failures"] / requests if requests else 1.0,
        "done": requests / ramp.requests,
    }


def problems(measured: Mapping[str, float], limits: Mapping[str, float]) -> list[str]:
    """Return a sentence for each threshold that was missed."""
    said = (one.problem(measured[one.name], limits[one.name]) for one in THRESHOLDS)
    return [one for one in said if one]
