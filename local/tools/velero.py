"""Makes Velero and its AWS plug-in, and a chart in place of Velero's own, which no module holds."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

from local.lock import shared_cache
from local.tools.go import STRIPPED, Binary, BuildError, Report, build, pinned

HERE = Path(__file__).parent / "velero"
MODULE = "github.com/vmware-tanzu/velero"
PLUGIN_MODULE = "github.com/vmware-tanzu/velero-plugin-for-aws"
NAME = "velero"
PLUGIN = "velero-plugin-for-aws"
PLUGINS = "plugins"
CHARTS = "charts"

_NO_SECOND_PORT = "-X sigs.k8s.io/controller-runtime/pkg/metrics/server.DefaultBindAddress=0"
"""Beside its own metrics it serves a library's on all interfaces, always on port 8080: a second
cluster's Velero would not start."""


def ensure(kept: Path, report: Report) -> Path:
    """Return a folder with Velero, its AWS plug-in in `plugins`, and in `charts` a Helm chart.

    The folder is below `kept` and named by a hash of the pins and the chart. Raises BuildError.
    """
    folder = kept / f"velero-{key()}"
    chart = folder / CHARTS / NAME
    if chart.exists():
        return folder
    with shared_cache(folder, report):
        if chart.exists():
            return folder
        (folder / PLUGINS).mkdir(exist_ok=True)
        for binary in binaries():
            if not (folder / binary.name).exists():
                build(binary, folder / binary.name, report)
        partial = folder / CHARTS / ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(HERE / "chart", partial)
        _define_kinds(folder / NAME, partial / "crds")
        partial.replace(chart)
    return folder


def key() -> str:
    """Return the hash of everything that decides what is made."""
    digest = hashlib.sha256()
    chart = sorted(file for file in (HERE / "chart").rglob("*") if file.is_file())
    for file in (HERE / "go.mod", HERE / "go.sum", *chart):
        digest.update(f"{file.relative_to(HERE)}\n".encode() + file.read_bytes())
    for binary in binaries():
        digest.update(f"{binary.package} {binary.linker_flags}\n".encode())
    return digest.hexdigest()[:16]


def binaries() -> list[Binary]:
    """Return what is built, in the order it is built; one module pins both."""
    stamp = f"-X {MODULE}/pkg/buildinfo.Version={pinned(HERE, MODULE)} {_NO_SECOND_PORT}"
    return [
        Binary(NAME, f"{MODULE}/cmd/velero", HERE, f"{STRIPPED} {stamp}"),
        Binary(f"{PLUGINS}/{PLUGIN}", f"{PLUGIN_MODULE}/{PLUGIN}", HERE),
    ]


def _define_kinds(velero: Path, folder: Path) -> None:
    """Write the resource kinds that Velero itself says it needs, one a file."""
    command = [str(velero), "install", "--crds-only", "--dry-run", "--output=json"]
    done = subprocess.run(command, env={"HOME": "/nonexistent"}, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{velero} doesn't say what kinds it needs: {done.stderr.strip()}")
    folder.mkdir()
    for item in json.loads(done.stdout)["items"]:
        (folder / f"{item['metadata']['name']}.yaml").write_text(json.dumps(item))
