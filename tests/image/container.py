"""The built image, run as a pod would run it, without a container runtime."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delivery.process import ROOT

NAME = "localhost/mindforce-web:test"
BASE = "gcr.io/distroless/python3-debian13:nonroot"
# What a build on this machine may need to reach a package index; nothing of it stays in the image.
_MOUNTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
# A read-only root, a /proc of its own, and nothing else that could be written to.
_ENTER = """
mount --make-rprivate /
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
mount -t proc proc "$0/proc"
exec unshare --root="$0" --wd="$1" --setgid=65532 --setuid=65532 "${@:2}"
"""


class Image:
    """The image of the Dockerfile, built on stand-ins of its bases in `folder`."""

    def __init__(self, folder: Path) -> None:
        storage = {"--root": folder / "root", "--runroot": folder / "run"}
        self._options = ["--storage-driver=vfs", *(f"{k}={v}" for k, v in storage.items())]
        self._policy = f"--signature-policy={folder / 'policy.json'}"
        if BASE not in self._buildah("images", "--format={{.Name}}:{{.Tag}}"):
            folder.mkdir(parents=True, exist_ok=True)
            script = ROOT / "images" / "stand-ins.sh"
            subprocess.run([script, folder, *self._options], check=True)
        self._buildah(
            "build", *self._mounts(), "--pull-never", "--network=host", f"--tag={NAME}", ROOT
        )
        container = self._buildah("from", "--pull-never", NAME).strip()
        self._root = Path(self._buildah("mount", container).strip())
        self._container = container

    @property
    def root(self) -> Path:
        """The image's files."""
        return self._root

    @property
    def config(self) -> dict[str, Any]:
        found = json.loads(self._buildah("inspect", "--type=image", NAME))
        config: dict[str, Any] = found["OCIv1"]["config"]
        return config

    def bytes_over_base(self) -> int:
        container = self._buildah("from", "--pull-never", BASE).strip()
        base = Path(self._buildah("mount", container).strip())
        own, below = _bytes(self._root), _bytes(base)
        self._buildah("rm", container)
        return own - below

    @contextmanager
    def running(
        self, *command: str, env: Mapping[str, str], output: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run `command`, or else the image's own, as user 65532 on a read-only root."""
        config = self.config
        inside = dict(one.split("=", 1) for one in config["Env"]) | dict(env)
        words = command or (*config["Entrypoint"], *(config.get("Cmd") or ()))
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec", _ENTER]
        with output.open("wb") as log:
            process = subprocess.Popen(
                [*enter, str(self._root), config["WorkingDir"], *words],
                env=inside,
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def close(self) -> None:
        self._buildah("rm", self._container)

    def _mounts(self) -> list[str]:
        return [f"--volume={path}:{path}:ro" for path in _MOUNTS if Path(path).exists()]

    def _buildah(self, command: str, *arguments: str | Path) -> str:
        signed = [self._policy] if command in ("build", "from") else []
        done = subprocess.run(
            ["buildah", *self._options, command, *signed, *arguments],
            env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def child(process: subprocess.Popen[bytes]) -> int:
    """Return the id of the process in the image."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def end(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code after SIGTERM."""
    os.kill(child(process), signal.SIGTERM)
    return process.wait(30)


def _bytes(root: Path) -> int:
    return sum(one.lstat().st_size for one in root.rglob("*") if not one.is_dir())
