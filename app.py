#!/usr/bin/env python3
"""The composition root: config → environments, then the guards over what they became."""

import argparse
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
from aws_cdk.cx_api import CloudAssembly

from config.environments import PIPELINE, TABLE
from config.model import Table
from config.pipeline import Pipeline
from config.release import images, needed, released
from guards.synthesis import check
from stacks.environment import EnvironmentStage


def build(
    table: Table = TABLE,
    *,
    output: str | None = None,
    context: Mapping[str, Any] | None = None,
    pipeline: Pipeline | None = None,
) -> App:
    """Return the app with a stage for each environment of the table, and the pipeline if given.

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
    stages = {
        environment.name: EnvironmentStage(app, environment.name, config=environment)
        for environment in table.environments
    }
    if pipeline:
        # Imported by who needs it: it takes as long as an environment.
        from stacks.pipeline import PipelineStack

        PipelineStack(app, "Pipeline", config=pipeline, stages=stages)
    return app


def synthesize(
    table: Table = TABLE,
    *,
    output: str | None = None,
    context: Mapping[str, Any] | None = None,
    pipeline: Pipeline | None = None,
) -> CloudAssembly:
    """Return what the app becomes. Raises GuardError when that must not be deployed."""
    made = build(table, output=output, context=context, pipeline=pipeline).synth()
    check(Path(made.directory))
    return made


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", action="store_true", help="the pipeline as well")
    parser.add_argument("--images", type=Path, help="a file of delivery.images, for its commit")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    table = TABLE
    if given.images:
        table = released(TABLE, images(given.images, needed(TABLE)))
    pipeline = PIPELINE if given.pipeline else None
    synthesize(table, pipeline=pipeline)
