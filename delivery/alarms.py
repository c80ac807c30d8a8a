"""`python -m delivery.alarms ENVIRONMENT`: fail if an alarm is raised soon after a deploy.

It watches what a deploy can raise in minutes. An alarm whose period is an hour or more isn't
watched: it tells of what was before, such as a drill that has never run in a new environment. One
that was raised before the pipeline's run began is said and fails nothing, or it would stop the very
commit that mends it, and a roll-back to what was before.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from config.environments import TABLE
from config.model import Environment
from config.people import PIPELINE
from delivery.arguments import number

_PERIOD_SECONDS = 15.0
_HOUR_SECONDS = 3600
_ROLE_SECONDS = 3600
"""What a session lasts that comes from another role's session."""


class AlarmError(Exception):
    """An alarm was raised, or none is there to be raised; the message says which."""


def watch(
    client: Any,
    prefix: str,
    seconds: float,
    began: datetime | None = None,
    period: float = _PERIOD_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = print,
) -> int:
    """Return how many alarms stayed quiet for so long. Raises AlarmError.

    What was raised before `began` is said, once, and isn't counted.
    """
    deadline = time.monotonic() + seconds
    said = set[str]()
    while True:
        alarms = [alarm for alarm in _alarms(client, prefix) if of_minutes(alarm)]
        if not alarms:
            raise AlarmError(f"There is no alarm named {prefix}…: nothing watches over it.")
        raised = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
        old = [alarm for alarm in raised if began and _since(alarm) < began]
        if ours := [alarm for alarm in raised if alarm not in old]:
            raise AlarmError("Raised after the deploy:\n" + "\n".join(map(_told, ours)))
        for alarm in old:
            if alarm["AlarmName"] not in said:
                said.add(alarm["AlarmName"])
                say(f"Raised before the pipeline's run began, and still:\n{_told(alarm)}")
        left = deadline - time.monotonic()
        if left <= 0:
            return len(alarms) - len(old)
        sleep(min(period, left))


def of_minutes(alarm: Mapping[str, Any]) -> bool:
    """Whether an alarm can be raised by what was deployed minutes ago: its periods are shorter."""
    queries = alarm.get("Metrics", [])
    periods = [one.get("Period") or one.get("MetricStat", {}).get("Period", 0) for one in queries]
    longest: int = max([alarm.get("Period", 0), *periods])
    return longest < _HOUR_SECONDS


def _since(alarm: Mapping[str, Any]) -> datetime:
    since: datetime = alarm["StateTransitionedTimestamp"]
    return since


def _told(alarm: Mapping[str, Any]) -> str:
    description, reason = alarm.get("AlarmDescription", ""), alarm.get("StateReason", "")
    return f"  {alarm['AlarmName']}: {description} ({reason})"


def _alarms(client: Any, prefix: str) -> Iterator[Mapping[str, Any]]:
    for page in client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix):
        yield from page["MetricAlarms"]


def _client(environment: Environment) -> Any:
    """CloudWatch in the environment's account, by the role that is there for the pipeline."""
    role = f"arn:aws:iam::{environment.account}:role/{PIPELINE.iam_name}"
    made = boto3.client("sts", region_name=environment.region).assume_role(
        RoleArn=role, RoleSessionName="alarms", DurationSeconds=_ROLE_SECONDS
    )["Credentials"]
    return boto3.client(
        "cloudwatch",
        region_name=environment.region,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
    )


def _began(run: str) -> datetime:
    """Return when a run of this account's pipeline began. Raises AlarmError."""
    pipeline, _, identifier = run.partition("/")
    pages = boto3.client("codepipeline").get_paginator("list_pipeline_executions")
    for page in pages.paginate(pipelineName=pipeline):
        for one in page["pipelineExecutionSummaries"]:
            if one["pipelineExecutionId"] == identifier:
                began: datetime = one["startTime"]
                return began
    raise AlarmError(f"The pipeline {pipeline!r} has no run {identifier!r}.")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all stayed quiet, 1 when not, 2 when that can't be told."""
    environments = {environment.name: environment for environment in TABLE.environments}
    parser = argparse.ArgumentParser(prog="python -m delivery.alarms", description=__doc__)
    parser.add_argument("environment", choices=environments)
    parser.add_argument(
        "--seconds",
        type=number(0, _ROLE_SECONDS),
        default=os.environ.get("WATCH_SECONDS", "120"),
        help="how long; default: $WATCH_SECONDS, or 120",
    )
    parser.add_argument(
        "--run",
        default=os.environ.get("RUN"),
        help="PIPELINE/EXECUTION that deployed; default: $RUN, or none: every raised alarm counts",
    )
    given = parser.parse_args(arguments)
    environment = environments[given.environment]
    try:
        began = _began(given.run) if given.run else None
        count = watch(_client(environment), f"{environment.name}-", given.seconds, began)
    except AlarmError as error:
        print(f"FAILED: {error}")
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"The alarms can't be watched: {error}")
        return 2
    print(f"PASSED: {count} alarms stayed quiet for {given.seconds:g} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
