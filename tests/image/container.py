"""An image, run as a pod under Pod Security "restricted" runs it, without a container runtime."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from delivery.process import wait_for
from tests.image.images import Image

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


@dataclass(frozen=True)
class Mount:
    """What a pod mounts at `target`: a folder or file of this machine, or else an empty folder."""

    target: str
    source: Path | None = None
    read_only: bool = False


class Container:
    """A running image: its first process, and more beside it."""

    def __init__(
        self, image: Image, process: subprocess.Popen[bytes], env: Mapping[str, str]
    ) -> None:
        self._image = image
        self.env = env
        self.process = process

    @property
    def pid(self) -> int:
        """This machine's id of the process that is 1 in there."""
        return wait_for(self._first)[0]

    def exec(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end."""
        return subprocess.run(
            [*self.entering, *command],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )

    @property
    def entering(self) -> list[str]:
        """What runs the command after it in there, as its user; with `env`, as a pod's shell."""
        user, group = _user(self._image)
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--wd=/"]
        return [*enter, f"--setuid={user}", f"--setgid={group}", "--"]

    def end(self) -> int:
        """Return the exit code after SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """End all of it at once, as its machine's death would; fine when it has ended."""
        while self.process.poll() is None:
            # The kernel ends the others with the first process, and `unshare` ends after it.
            for pid in self._first():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)

    def _first(self) -> list[int]:
        outside = self.process.pid
        with suppress(FileNotFoundError):
            children = Path(f"/proc/{outside}/task/{outside}/children").read_text()
            return [int(one) for one in children.split()]
        return []


@contextmanager
def running(
    image: Image,
    *command: str,
    env: Mapping[str, str],
    output: Path,
    mounts: Sequence[Mount] = (),
) -> Iterator[Container]:
    """Run `command`, or else the image's own, as the image's user on a read-only root.

    Beside `mounts` there are only /proc and a /dev; capabilities and ways to get them are gone.
    """
    config = image.config
    inside = dict(one.split("=", 1) for one in config["Env"]) | dict(env)
    words = command or (*config["Entrypoint"], *(config.get("Cmd") or ()))
    user, group = _user(image)
    enter = ["setpriv", "--no-new-privs", "unshare", f"--root={image.root}"]
    enter += [f"--wd={config['WorkingDir']}", f"--setgid={group}", f"--setuid={user}", *words]
    script = "\n".join((*_mounting(image.root, mounts), f"exec {shlex.join(enter)}"))
    outside = ["unshare", "--mount", "--pid", "--fork", "bash", "-ec", script]
    with output.open("ab") as log:
        process = subprocess.Popen(outside, env=inside, stdout=log, stderr=log)
    container = Container(image, process, inside)
    try:
        yield container
    finally:
        container.kill()


def _mounting(root: Path, mounts: Sequence[Mount]) -> Iterator[str]:
    """The commands that make `root` what a runtime makes of an image."""
    at = shlex.quote(str(root))
    yield "mount --make-rprivate /"
    for mount in mounts:
        # Runtimes make the points to mount on, too.
        target = _inside(root, mount.target)
        if mount.source and mount.source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        else:
            target.mkdir(parents=True, exist_ok=True)
    yield f"mount --bind {at} {at}"
    yield f"mount -o remount,bind,ro {at}"
    yield f"mount -t proc proc {at}/proc"
    yield f"mount -t tmpfs -o mode=755 dev {at}/dev"
    for device in _DEVICES:
        yield f"touch {at}/dev/{device}; mount --bind /dev/{device} {at}/dev/{device}"
    yield f"mkdir {at}/dev/shm; mount -t tmpfs -o mode=1777,size=64m shm {at}/dev/shm"
    for mount in mounts:
        there = shlex.quote(str(_inside(root, mount.target)))
        if mount.source is None:
            yield f"mount -t tmpfs -o mode=1777 empty {there}"
        else:
            yield f"mount --bind {shlex.quote(str(mount.source))} {there}"
        if mount.read_only:
            yield f"mount -o remount,bind,ro {there}"


def _inside(root: Path, target: str) -> Path:
    """Where a path of the image is on this machine; /var/run, say, is a link to /run in there."""
    path = root
    for part in Path(target).relative_to("/").parts:
        path /= part
        if path.is_symlink():
            to = path.readlink()
            path = root / to.relative_to("/") if to.is_absolute() else path.parent / to
    return path


def _user(image: Image) -> tuple[str, str]:
    user, _, group = image.config["User"].partition(":")
    return user, group
