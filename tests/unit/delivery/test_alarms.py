"""After a deploy, an alarm that is raised fails the stage; silence needs alarms to be there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from delivery.alarms import AlarmError, watch


class CloudWatch:
    """Answers with one list of states after the other."""

    def __init__(self, *states: Sequence[str]) -> None:
        self._states = iter(states)
        self.prefixes: list[str] = []

    def get_paginator(self, name: str) -> "CloudWatch":
        assert name == "describe_alarms"
        return self

    def paginate(self, AlarmNamePrefix: str) -> Iterator[Mapping[str, Any]]:
        self.prefixes.append(AlarmNamePrefix)
        yield {
            "MetricAlarms": [
                {
                    "AlarmName": f"dev-{number}",
                    "StateValue": state,
                    "AlarmDescription": "What to do: docs/runbooks/x.md",
                }
                for number, state in enumerate(next(self._states, ["OK"]))
            ]
        }


def test_all_quiet_passes() -> None:
    client = CloudWatch(["OK", "INSUFFICIENT_DATA"])
    assert watch(client, "dev-", 0) == 2
    assert client.prefixes == ["dev-"]


def test_an_alarm_raised_meanwhile_fails_with_its_runbook() -> None:
    client = CloudWatch(["OK", "OK"], ["OK", "ALARM"])
    with pytest.raises(AlarmError, match=r"dev-1: What to do: docs/runbooks/x\.md"):
        watch(client, "dev-", 60, sleep=lambda seconds: None)


def test_without_alarms_nothing_is_known() -> None:
    with pytest.raises(AlarmError, match="nothing watches over it"):
        watch(CloudWatch([]), "dev-", 60)
