"""What lies between two times of a schedule."""

import pytest

from config.cron import longest_gap_hours


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        ("17 * * * *", 1),
        ("*/20 6-18/6 * * *", 12),
        ("17 4 * * *", 24),
        ("17 4,22 * * *", 18),
        ("17 4 * * 0", 7 * 24),
        ("17 4 * * 0,3", 4 * 24),
        ("17 4 1 * *", 31 * 24),
        # A day of the month or a day of the week: one is enough.
        ("17 4 1 * 0", 7 * 24),
        ("17 4 1 1 *", 366 * 24),
        ("17 4 29 2 *", 397 * 24),
    ],
)
def test_the_longest_time_between_two_is_known(schedule: str, hours: int) -> None:
    assert longest_gap_hours(schedule) == hours
