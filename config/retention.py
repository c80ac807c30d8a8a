"""How long CloudWatch Logs can keep a log group."""

from collections.abc import Iterator

from config.errors import Problem

RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
"""The values PutRetentionPolicy accepts (CloudWatch Logs API reference)."""


def retention_problems(field: str, days: int) -> Iterator[Problem]:
    """Yield a problem unless `days` is a retention that CloudWatch Logs accepts."""
    if days not in RETENTION_DAYS:
        near = min(RETENTION_DAYS, key=lambda accepted: abs(accepted - days))
        yield Problem(field, days, f"CloudWatch Logs keeps e.g. {near} days")
