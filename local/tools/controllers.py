"""Makes the controllers that run here for real, and keeps their Helm charts beside them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from local.lock import shared_cache
from local.tools.go import STRIPPED, Binary, BuildError, Report, build, environment

HERE = Path(__file__).parent / "load_balancer_controller"
MODULE = "sigs.k8s.io/aws-load-balancer-controller"
NAME = "aws-load-balancer-controller"
CHARTS = "charts"

_LISTENER = "pkg/config/runtime_config.go"
_OPTIONS = "webhook.Options{\n"
_ON_LOOPBACK = _OPTIONS + '\t\t\tHost: "127.0.0.1",\n'
"""Its webhooks listen on all of a pod's interfaces, which here would be the machine's."""


def ensure(kept: Path, report: Report) -> Path:
    """Return a folder with the AWS Load Balancer Controller and, in `charts`, its Helm chart.

    Both are of one Go module, pinned in load_balancer_controller/go.mod; the folder is below
    `kept` and named by the pin's hash. Raises BuildError.
    """
    folder = kept / f"controllers-{key()}"
    if (folder / NAME).exists():
        return folder
    with shared_cache(folder, report):
        if (folder / NAME).exists():
            return folder
        module = _module(report)
        chart = folder / CHARTS / NAME
        shutil.rmtree(chart, ignore_errors=True)
        shutil.copytree(module / "helm" / NAME, chart, copy_function=shutil.copyfile)
        version = (module / "version.txt").read_text().strip()
        stamp = f"-X {MODULE}/pkg/version.GitVersion=v{version}"
        source = folder / ".source"
        _copy(module, source)
        build(Binary(NAME, MODULE, source, f"{STRIPPED} {stamp}"), folder / NAME, report)
        shutil.rmtree(source)
    return folder


def key() -> str:
    """Return the hash of what decides what the controller is."""
    digest = hashlib.sha256(_ON_LOOPBACK.encode())
    for name in ("go.mod", "go.sum"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def _module(report: Report) -> Path:
    """The module's folder in Go's cache, read-only and checked against go.sum."""
    report(f"{NAME}: downloading its module")
    command = ["go", "mod", "download", "-json", MODULE]
    try:
        done = subprocess.run(command, cwd=HERE, env=environment(), capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BuildError(f"Go is needed to build {NAME}: install it.") from error
    if done.returncode:
        raise BuildError(f"{MODULE} can't be had: {(done.stdout or done.stderr).strip()}")
    return Path(json.loads(done.stdout)["Dir"])


def _copy(module: Path, source: Path) -> None:
    """Copy the module, with its webhooks' port on loopback."""
    shutil.rmtree(source, ignore_errors=True)
    # Without its mode: the cache is read-only, its folders too.
    for file in (file for file in module.rglob("*") if file.is_file()):
        target = source / file.relative_to(module)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    listener = source / _LISTENER
    text = listener.read_text()
    if text.count(_OPTIONS) != 1:
        raise BuildError(f"{module / _LISTENER} doesn't open its webhooks' port as expected.")
    listener.write_text(text.replace(_OPTIONS, _ON_LOOPBACK))
