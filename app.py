#!/usr/bin/env python3
"""The composition root: config → environments."""

import gc

# A synthesis lives for two seconds: collecting its garbage costs more than it frees.
gc.disable()

from aws_cdk import App  # noqa: E402 (the imports are what would be collected most)

from config.environments import TABLE  # noqa: E402
from stacks.environment import EnvironmentStage  # noqa: E402


def main() -> None:
    # Nothing here reads tree.json or wants AWS's usage statistics in its templates.
    app = App(tree_metadata=False, analytics_reporting=False)
    for environment in TABLE.environments:
        EnvironmentStage(app, environment.name, config=environment)
    app.synth()


if __name__ == "__main__":
    main()
