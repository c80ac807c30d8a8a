"""Lambda layers: unpacked once for all processes of all functions, with commands that run here.

MiniStack unpacks them for each process, which takes longer than most functions run, and drops x
bits. On AWS too nobody can write to a layer.
"""

import hashlib
import shutil
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.aws import internals

_unpacking = threading.Lock()


def install(kept: Path) -> None:
    """Keep layers in a folder of their own, each by what is in it."""

    class Archive(zipfile.ZipFile):
        def extractall(self, path: Any = None, *arguments: Any, **options: Any) -> None:
            target = Path(path or ".")
            if not target.name.startswith("layer_"):
                super().extractall(path, *arguments, **options)
                return
            digest = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
            layer = kept / digest[:16]
            with _unpacking:
                if not layer.exists():
                    partial = layer.with_suffix(".partial")
                    shutil.rmtree(partial, ignore_errors=True)
                    super().extractall(partial)
                    for folder in commands(partial):
                        for file in folder.iterdir():
                            if file.is_file() and not file.suffix:
                                _make_executable(file)
                    partial.rename(layer)
            target.rmdir()
            target.symlink_to(layer)

    internals.replace(
        internals.module("core.lambda_runtime"),
        "zipfile",
        lambda stock: SimpleNamespace(**{**vars(stock), "ZipFile": Archive}),
    )


def commands(layer: Path) -> list[Path]:
    """The folders of a layer that hold commands."""
    return [
        folder
        for folder in sorted(layer.iterdir())
        if folder.is_dir() and folder.name not in ("python", "nodejs")
    ]


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
