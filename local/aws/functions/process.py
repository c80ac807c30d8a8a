"""The process of a Lambda function: its environment, its layers' commands, its output folder.

MiniStack unpacks layers beside the function instead of at /opt, drops x bits and hands its own
environment on. Here the process gets the function's variables, the endpoint, its role's temporary
credentials, and a PATH of our commands, its layers' folders and the system's.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.aws import internals
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
    layers = [
        Path(layer) for layer in own.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep) if layer
    ]
    for archive in folder.glob("*.zip"):
        archive.unlink()
    output = folder / "output"
    output.mkdir(exist_ok=True)
    path = [
        settings.commands,
        *(part for layer in layers for part in _commands(layer)),
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


def _commands(layer: Path) -> list[Path]:
    """The folders of a layer that hold commands, made executable on this machine."""
    folders = []
    for folder in sorted(layer.iterdir()):
        if not folder.is_dir() or folder.name in ("python", "nodejs"):
            continue
        folders.append(folder)
        for file in folder.iterdir():
            if file.is_file() and not file.suffix:
                _make_executable(file)
    return folders


def _make_executable(file: Path) -> None:
    file.chmod(0o755)
    with file.open("rb") as content:
        first = content.readline(200)
    if not first.startswith(b"#!"):
        return
    interpreter = first[2:].split()[0].decode()
    # The awscli layer names Lambda's own Python, which is not on this machine.
    if "python" in interpreter and not Path(interpreter).exists():
        rest = file.read_bytes().split(b"\n", 1)[1]
        file.write_bytes(f"#!{sys.executable}\n".encode() + rest)


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
