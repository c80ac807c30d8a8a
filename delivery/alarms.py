"""`python -m delivery.alarms ENVIRONMENT`: fail if an alarm is raised soon after a deploy."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from config.environments import TABLE
from config.model import Environment
from config.people import PIPELINE
from delivery.arguments import number

_PERIOD_SECONDS = 15.0
_ROLE_SECONDS = 3600
"""What a session lasts that comes from another role's session."""


class AlarmError(Exception):
    """An alarm was raised, or none is there to be raised; the message says which."""


def watch(
    client: Any,
    prefix: str,
    seconds: float,
    period: float = _PERIOD_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Return how many alarms stayed quiet for so long. Raises AlarmError."""
    deadline = time.monotonic() + seconds
    while True:
        alarms = list(_alarms(client, prefix))
        if not alarms:
            raise AlarmError(f"There is no alarm named {prefix}…: nothing watches over it.")
        raised = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
        if raised:
            listed = "\n".join(
                f"  {alarm['AlarmName']}: {alarm.get('AlarmDescription', '')} "
                f"({alarm.get('StateReason', '')})"
                for alarm in raised
            )
            raise AlarmError(f"Raised after the deploy:\n{listed}")
        left = deadline - time.monotonic()
        if left <= 0:
            return len(alarms)
        sleep(min(period, left))


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
    given = parser.parse_args(arguments)
    environment = environments[given.environment]
    try:
        count = watch(_client(environment), f"{environment.name}-", given.seconds)
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
