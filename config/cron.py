"""Schedules as the CronJob controller reads them."""

import re

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
