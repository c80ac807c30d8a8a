"""Logs are kept for as long as CloudWatch can keep them, wherever a table says how long."""

from dataclasses import replace

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from config.environments import PIPELINE
from config.retention import RETENTION_DAYS


def test_retentions_are_those_of_cloudformations_schema() -> None:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", "AWS::Logs::LogGroup")
    assert list(RETENTION_DAYS) == schema.schema["properties"]["RetentionInDays"]["enum"]


@pytest.mark.parametrize("days", RETENTION_DAYS)
def test_the_pipelines_logs_may_have_any_of_them(days: int) -> None:
    assert replace(PIPELINE, log_retention_days=days).log_retention_days == days
