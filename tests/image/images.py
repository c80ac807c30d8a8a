"""Images built from our Dockerfiles, on stand-ins of their bases, without a registry."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from delivery.process import ROOT
from local.lock import shared_cache

_STAND_INS = ROOT / "images" / "stand-ins.sh"
_PROGRAMS = ("buildah", "mmdebstrap", "setpriv", "unshare")
# What a build on this machine may need to reach a package index; nothing of it stays in the image.
_MOUNTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
# Layers are kept for that long, so that a build now and then has Debian's fixes.
_LAYERS = ("--layers", "--cache-ttl=168h")


def lacking() -> str:
    """Return what this machine lacks for building and running images, in a sentence, or nothing."""
    missing = [one for one in _PROGRAMS if shutil.which(one) is None]
    if missing:
        return (
            f"Images need {', '.join(missing)}: on Debian, as root, "
            "`apt-get install buildah mmdebstrap util-linux`."
        )
    return "" if os.geteuid() == 0 else "Images are built and run as root: use sudo, or CI."


class Images:
    """The images in `folder`, with stand-ins of their bases; made by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        storage = {"--root": folder / "root", "--runroot": folder / "run"}
        self._options = ["--storage-driver=vfs", *(f"{k}={v}" for k, v in storage.items())]
        self._policy = f"--signature-policy={folder / 'policy.json'}"
        self._environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}
        with shared_cache(folder, print):
            self._make_stand_ins()

    def build(self, context: Path, name: str, *options: str) -> "Image":
        """Build the Dockerfile in `context` as localhost/`name`, and have its files."""
        return Image(self, self.make(context, name, *options))

    def drill(self) -> "Image":
        """Build the drill's image, which is made of more than its folder."""
        file = ROOT / "images" / "drill" / "Dockerfile"
        return self.build(ROOT, "mindforce-drill", f"--file={file}")

    def make(self, context: Path, name: str, *options: str) -> str:
        """Build the Dockerfile in `context` as localhost/`name`; return it with its tag."""
        tag = f"localhost/{name}:test"
        mounts = [f"--volume={path}:{path}:ro" for path in _MOUNTS if Path(path).exists()]
        with shared_cache(self._folder, print):
            offline = [*mounts, *_LAYERS, "--pull-never", "--network=host", f"--tag={tag}"]
            self.buildah("build", *offline, *options, context)
        return tag

    def archive(self, tag: str, reference: str, target: Path) -> Path:
        """Write an image to `target`, for a runtime to know by `reference`."""
        self.buildah("push", "--quiet", tag, f"docker-archive:{target}:{reference}")
        return target

    def buildah(self, command: str, *arguments: str | Path) -> str:
        """Return what a command prints; its words fail the test when it fails."""
        signed = [self._policy] if command in ("build", "from", "push") else []
        done = subprocess.run(
            ["buildah", *self._options, command, *signed, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _make_stand_ins(self) -> None:
        made = self._folder / "stand-ins"
        wanted = hashlib.sha256(_STAND_INS.read_bytes()).hexdigest()
        if made.exists() and made.read_text() == wanted:
            return
        command = [str(_STAND_INS), str(self._folder), *self._options]
        subprocess.run(command, env=self._environment, check=True)
        made.write_text(wanted)


class Image:
    """One image and, until `close`, its files."""

    def __init__(self, images: Images, name: str) -> None:
        self._images = images
        self._container = images.buildah("from", "--pull-never", name).strip()
        self.root = Path(images.buildah("mount", self._container).strip())
        """The image's files."""
        found = json.loads(images.buildah("inspect", "--type=image", name))
        self.architecture = found["OCIv1"]["architecture"]
        self.config: dict[str, Any] = found["OCIv1"]["config"]
        """What the image says of itself, in OCI's words."""

    def bytes(self) -> int:
        return sum(one.lstat().st_size for one in self.root.rglob("*") if not one.is_dir())

    def bytes_over(self, base: str) -> int:
        """How much of it is not the base's."""
        below = Image(self._images, base)
        size = below.bytes()
        below.close()
        return self.bytes() - size

    def close(self) -> None:
        self._images.buildah("rm", self._container)
