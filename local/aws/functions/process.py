"""The process of a Lambda function: its environment, its layers' commands, its output folder.

MiniStack hands its own environment on, and has no /opt. Here the process gets the function's
variables, the endpoint, its role's temporary credentials, and a PATH of our commands, its layers'
folders and the system's.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.aws import internals
from local.aws.functions import layers
from local.aws.functions.workers import Workers
from local.aws.settings import Settings

_HELM = """#!/bin/sh
export MINDFORCE_CHARTS='{charts}' MINDFORCE_COMMANDS='{commands}' PYTHONPATH='{root}'
exec '{python}' -m local.aws.helm_wrapper "$@"
"""


_RUNTIME = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)
"""Set for every function, even where the server's own environment says the same."""


_NODE_MODULES = Path(__file__).resolve().parents[3] / "node_modules"


def install(settings: Settings) -> None:
    runtime = internals.module("core.lambda_runtime")
    _write_commands(settings)
    workers = Workers(settings)
    layers.install(settings.layers)

    def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
        folder = Path(options["cwd"]).parent
        options["env"] = _environment(options["env"], folder, settings)
        return workers.start(command, **options)

    internals.replace(
        runtime, "subprocess", lambda stock: SimpleNamespace(**{**vars(stock), "Popen": start})
    )


def _environment(given: Mapping[str, str], folder: Path, settings: Settings) -> dict[str, str]:
    own = {
        name: value
        for name, value in given.items()
        if name in _RUNTIME or os.environ.get(name) != value
    }
    given_layers = [
        Path(layer) for layer in own.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if layer
    ]
    for archive in folder.glob("*.zip"):
        archive.unlink()
    output = folder / "output"
    output.mkdir(exist_ok=True)
    path = [
        settings.commands,
        *(part for layer in given_layers for part in layers.commands(layer)),
        Path(sys.executable).parent,
        *map(Path, os.environ["PATH"].split(os.pathsep)),
    ]
    return {
        **own,
        "AWS_ENDPOINT_URL": settings.endpoint,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        # Lambda's Node.js runtime carries the AWS SDK; here it is the clone's own (package.json).
        "NODE_PATH": str(_NODE_MODULES),
        "PATH": os.pathsep.join(map(str, dict.fromkeys(path))),
        # CDK's kubectl handler writes kubeconfig and manifests here instead of /tmp.
        "TEST_OUTDIR": str(output),
        "TMPDIR": str(output),
    }


def _write_commands(settings: Settings) -> None:
    settings.commands.mkdir(parents=True, exist_ok=True)
    helm = settings.commands / "helm"
    root = Path(__file__).resolve().parents[3]
    helm.write_text(
        _HELM.format(
            charts=os.pathsep.join(map(str, settings.charts)),
            commands=settings.commands,
            root=root,
            python=sys.executable,
        )
    )
    helm.chmod(0o755)
