"""What a drill looks at by default, and what it leaves out of that when asked to."""

import argparse
from typing import Any

import pytest

from delivery import scope
from delivery.scope import Scope, ScopeError

CRON = Scope(namespaces=["web", "database"], max_age_hours=26, data=True)


class Cluster:
    """A cluster that has a CronJob with these arguments, or none."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def find(self, path: str) -> Any:
        assert path == "apis/batch/v1/namespaces/velero/cronjobs/restore-drill"
        template = {"spec": {"containers": [{"args": list(self._words)}]}}
        return {"spec": {"jobTemplate": {"spec": {"template": template}}}} if self._words else None


def _given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    scope.add_arguments(parser)
    return parser.parse_args(words)


def test_it_is_what_the_cron_job_has() -> None:
    words = ("--environment=dev", "--max-age-hours=26", "--namespace=web", "--namespace=database")
    cron = scope.scheduled(Cluster(*words))  # type: ignore[arg-type]
    assert cron == CRON
    assert scope.asked(_given(), cron) == CRON
    assert list(scope.lacking(CRON, cron)) == []
    without = scope.scheduled(Cluster(*words, "--no-data"))  # type: ignore[arg-type]
    assert without
    assert scope.asked(_given(), without).data is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--namespace=web",), ["database was not restored"]),
        (("--no-data",), ["rows were not compared"]),
        (("--max-age-hours=100",), ["the backup might be older than the 26 h"]),
        (("--namespace=other", "--no-data"), ["database, web was not", "rows were not"]),
        (("--max-age-hours=2", "--namespace=web", "--namespace=database"), []),
    ],
)
def test_less_than_that_is_said(words: tuple[str, ...], said: list[str]) -> None:
    found = list(scope.lacking(scope.asked(_given(*words), CRON), CRON))
    assert [one[: len(start)] for one, start in zip(found, said, strict=True)] == said


def test_without_a_cron_job_somebody_has_to_say_it_all() -> None:
    assert scope.scheduled(Cluster()) is None  # type: ignore[arg-type]
    for words in ((), ("--namespace=web",), ("--max-age-hours=2",)):
        with pytest.raises(ScopeError, match=r"There is no CronJob velero/restore-drill that says"):
            scope.asked(_given(*words), None)
    asked = scope.asked(_given("--namespace=web", "--max-age-hours=2"), None)
    assert asked == Scope(namespaces=["web"], max_age_hours=2, data=True)
    (said,) = scope.lacking(asked, None)
    assert "no CronJob" in said


@pytest.mark.parametrize("words", [("--namespace=web",), ("--max-age-hours=26",)])
def test_a_cron_job_that_does_not_say_it_all_is_told(words: tuple[str, ...]) -> None:
    with pytest.raises(ScopeError, match=r"restore-drill must say --namespace and --max-age-hours"):
        scope.scheduled(Cluster(*words))  # type: ignore[arg-type]
