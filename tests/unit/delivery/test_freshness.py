"""How late backups are said to be: those that are whole count, and that a schedule made itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery import freshness, velero
from delivery.cluster import ClusterError, Object
from delivery.freshness import Freshness

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
GAPS = {"hourly": 1}


def _text(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Cluster:
    """A cluster with these backups, whose schedules were made thirty hours ago."""

    def __init__(self, *backups: Object) -> None:
        self._backups = backups

    def items(self, path: str) -> Any:
        assert path == f"{velero.GROUP}/backups"
        return list(self._backups)

    def get(self, path: str) -> Object:
        if path not in (f"{velero.GROUP}/schedules/hourly", f"{velero.GROUP}/schedules/daily"):
            raise ClusterError(f"GET {path}: not found")
        return {"metadata": {"creationTimestamp": _text(30)}}


def _backup(
    hours: float, phase: str = "Completed", schedule: str | None = "hourly", left: float = 24
) -> Object:
    status = {"phase": phase, "completionTimestamp": _text(hours), "expiration": _text(-left)}
    labels = {"velero.io/schedule-name": schedule} if schedule else {}
    return {"metadata": {"name": f"{phase}-{hours:g}", "labels": labels}, "status": status}


def _hourly(*backups: Object) -> Freshness:
    cluster: Any = Cluster(*backups)
    (found,) = freshness.freshness(cluster, GAPS, NOW)
    return found


@pytest.mark.parametrize(("age", "overdue"), [(0.5, 0), (1, 0), (3.5, 2.5)])
def test_a_backup_is_overdue_once_more_lies_behind_it_than_between_two(
    age: float, overdue: float
) -> None:
    assert _hourly(_backup(age), _backup(age + 1)).overdue_hours == overdue


@pytest.mark.parametrize(
    "newer",
    [
        _backup(0.1, phase="Failed"),
        _backup(0.1, phase="PartiallyFailed"),
        {"metadata": {"name": "refused", "labels": {"velero.io/schedule-name": "hourly"}}},
        _backup(0.1, schedule="daily"),
        # By hand, which says nothing of the schedule.
        _backup(0.1, schedule=None),
        _backup(0.1, left=-0.05),
    ],
    ids=["failed", "partially", "not begun", "another schedule's", "by hand", "expired"],
)
def test_a_newer_one_that_is_not_whole_or_not_its_own_does_not_count(newer: Object) -> None:
    found = _hourly(_backup(5), newer)
    assert (found.backup, found.overdue_hours) == ("Completed-5", 4)
    assert found.line() == (
        "hourly: the newest whole backup, Completed-5, is 5.0 h old; due every 1 h"
    )


def test_a_schedule_that_never_made_a_whole_one_is_late_by_its_own_age() -> None:
    found = _hourly(_backup(2, phase="Failed"))
    assert found.overdue_hours == 29
    assert found.line() == "hourly: no backup is whole, and it is there for 30.0 h; due every 1 h"


def test_a_schedule_that_is_gone_is_not_taken_for_one_that_keeps_its_times() -> None:
    cluster: Any = Cluster(_backup(0.5))
    with pytest.raises(ClusterError, match="schedules/weekly"):
        list(freshness.freshness(cluster, {**GAPS, "weekly": 168}, NOW))


def test_what_may_lie_between_two_is_told_by_schedule(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        freshness.main(["--environment", "dev", "--schedule", "daily"])
    assert "'daily' must be such as 'daily=24', the hours whole" in capsys.readouterr().err
