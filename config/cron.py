"""Schedules as the CronJob controller reads them."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 6),
)
_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?")


def cron_problem(schedule: str) -> str:
    """Return what a schedule would have to be, empty when it is one: five fields of numbers."""
    fields = schedule.split(" ")
    if len(fields) != len(_FIELDS):
        return "it must be a cron schedule of five fields such as '30 1 * * *' (UTC)"
    for text, (name, least, most) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part, least, most) for part in text.split(",")):
            return f"its {name} {text!r} must be *, or numbers from {least} to {most}"
    return ""


def _is_part(text: str, least: int, most: int) -> bool:
    found = _PART.fullmatch(text)
    if not found:
        return False
    first, last = (int(number) if number else None for number in found.group(1, 2))
    numbers = [number for number in (first, last) if number is not None]
    return numbers == sorted(numbers) and all(least <= number <= most for number in numbers)


_DAYS = 366 + 31
"""Long enough for every day of a year, and the gap over its end."""


def longest_gap_hours(schedule: str) -> int:
    """Return the hours, rounded up, that may lie between two times of a valid schedule."""
    fields = [
        _numbers(text, least, most)
        for text, (_, least, most) in zip(schedule.split(" "), _FIELDS, strict=True)
    ]
    times = sorted(60 * hour + minute for hour in fields[1] for minute in fields[0])
    days = list(_days(schedule, fields))
    gaps = [later - time for time, later in pairwise(times)]
    gaps += [24 * 60 * (later - day) + times[0] - times[-1] for day, later in pairwise(days)]
    return -(-max(gaps, default=24 * 60 * _DAYS) // 60)


def _days(schedule: str, fields: Sequence[set[int]]) -> Iterator[int]:
    """Yield the days of more than a year on which it is due."""
    _, _, of_month, months, of_week = fields
    _, _, month_text, _, week_text = schedule.split(" ")
    # Where both name some, one of them is enough.
    fits = all if month_text.startswith("*") or week_text.startswith("*") else any
    for number in range(_DAYS):
        day = date(2024, 1, 1) + timedelta(number)
        if day.month in months and fits((day.day in of_month, day.isoweekday() % 7 in of_week)):
            yield number


def _numbers(text: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        assert match, "the schedule is valid"
        first, last, step = (int(number) if number else None for number in match.groups())
        begin = least if first is None else first
        # A number with a step begins there, one without is alone.
        end = last if last is not None else begin if first is not None and not step else most
        found.update(range(begin, end + 1, step or 1))
    return found
