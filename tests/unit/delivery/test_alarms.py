"""After a deploy, an alarm that is raised fails the stage; silence needs alarms to be there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.environments import TABLE
from delivery import alarms
from delivery.alarms import AlarmError, of_minutes, watch
from tests.synthesis import Synthesis

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
EARLIER, LATER = BEGAN - timedelta(seconds=1), BEGAN + timedelta(seconds=1)


class CloudWatch:
    """Answers with one list of states after the other; alarms are in them since `since`."""

    def __init__(
        self, *states: Sequence[str], since: datetime = LATER, period_seconds: int = 60
    ) -> None:
        self._states = iter(states)
        self._kept = {"StateTransitionedTimestamp": since, "Period": period_seconds}
        self.prefixes: list[str] = []

    def get_paginator(self, name: str) -> "CloudWatch":
        assert name == "describe_alarms"
        return self

    def paginate(self, AlarmNamePrefix: str) -> Iterator[Mapping[str, Any]]:
        self.prefixes.append(AlarmNamePrefix)
        yield {
            "MetricAlarms": [
                {
                    **self._kept,
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


def test_what_was_raised_before_the_run_is_said_once_and_stops_no_fix() -> None:
    client, said = CloudWatch(*[["ALARM", "OK"]] * 100, since=EARLIER), list[str]()
    assert watch(client, "dev-", 0.05, BEGAN, period=0.01, say=said.append) == 1
    assert len(client.prefixes) > 1
    (line,) = said
    assert "before the pipeline's run began" in line
    assert "dev-0: What to do" in line


def test_what_was_raised_since_the_run_began_is_its_doing() -> None:
    for since in (BEGAN, LATER):
        with pytest.raises(AlarmError, match="Raised after the deploy"):
            watch(CloudWatch(["ALARM"], since=since), "dev-", 60, BEGAN)


def test_by_hand_everything_that_is_raised_counts() -> None:
    with pytest.raises(AlarmError, match="Raised after the deploy"):
        watch(CloudWatch(["ALARM"], since=EARLIER), "dev-", 60)


def test_an_alarm_over_hours_is_not_a_deploys() -> None:
    with pytest.raises(AlarmError, match="nothing watches over it"):
        watch(CloudWatch(["ALARM"], period_seconds=3600), "dev-", 60)


def test_a_query_has_its_period_to_itself() -> None:
    assert of_minutes({"Metrics": [{"Expression": "SELECT …", "Period": 60}]})
    assert not of_minutes({"Metrics": [{"Expression": "a"}, {"MetricStat": {"Period": 3600}}]})


def test_all_but_those_of_backups_are_watched(whole: Synthesis) -> None:
    """A new environment's drill has never run: its alarm is raised from the first minutes on."""
    for environment in TABLE.environments:
        template = whole.template(environment.name, "Observability")
        made = template.properties("AWS::CloudWatch::Alarm")
        left_out = {alarm["AlarmName"] for alarm in made if not of_minutes(alarm)}
        drills = f"{environment.name}-restore-drill"
        assert left_out == {drills, f"{drills}-failed", f"{environment.name}-backup-late"}
        assert len(made) >= 6
        # What silence alone raises. They are made last, when what they watch has been seen to work.
        silent = {one["AlarmName"] for one in made if one["TreatMissingData"] == "breaching"}
        names = ("api-server-silent", "pod-logs-silent", "web-unhealthy")
        assert silent - left_out == {f"{environment.name}-{name}" for name in names}


class CodePipeline:
    """Knows one run."""

    def get_paginator(self, name: str) -> "CodePipeline":
        assert name == "list_pipeline_executions"
        return self

    def paginate(self, pipelineName: str) -> Iterator[Mapping[str, Any]]:
        assert pipelineName == "mindforce"
        run = {"pipelineExecutionId": "one", "startTime": BEGAN}
        yield {"pipelineExecutionSummaries": [run]}


def test_the_run_says_when_it_began(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("boto3.client", lambda service: CodePipeline())
    monkeypatch.setattr(alarms, "_client", lambda _: CloudWatch(["ALARM", "OK"], since=EARLIER))
    assert alarms.main(["dev", "--seconds", "0", "--run", "mindforce/one"]) == 0
    assert "PASSED: 1 alarms stayed quiet" in capsys.readouterr().out
    assert alarms.main(["dev", "--seconds", "0", "--run", "mindforce/other"]) == 1
    assert "The pipeline 'mindforce' has no run 'other'." in capsys.readouterr().out
