#!/usr/bin/env python3
"""The composition root: config → environments, then the guards over what they became."""

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.errors import without_traceback

if __name__ == "__main__":
    sys.excepthook = without_traceback
    # A synthesis lives for two seconds: collecting its garbage costs more than it frees.
    gc.disable()

from aws_cdk import App

from config.environments import TABLE
from config.model import Table
from guards.synthesis import check
from stacks.environment import EnvironmentStage


def build(
    table: Table = TABLE,
    *,
    output: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> App:
    """Return the app with a stage for each environment of the table.

    The CDK CLI gives the app the context of cdk.json; whoever runs it otherwise gives `context`.
    """
    app = App(
        outdir=output,
        # A trace through jsii names no line of ours, and costs time at every construct.
        context={**(context or {}), "aws:cdk:disable-stack-trace": True},
        # Nothing reads tree.json, and nobody's usage statistics belong in a template.
        tree_metadata=False,
        analytics_reporting=False,
    )
    for environment in table.environments:
        EnvironmentStage(app, environment.name, config=environment)
    return app


if __name__ == "__main__":
    check(Path(build().synth().directory))
