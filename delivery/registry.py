"""Images in their registry, by docker: looked up there, or built, scanned and pushed.

Each is an image for each of its architectures, and an index over these, whose digest is used.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.instance_types import Architecture
from config.release import ARCHITECTURES
from delivery.scan import Scan

USERNAME, TOKEN = "DOCKER_HUB_USERNAME", "DOCKER_HUB_TOKEN"
_DOCKERS: Mapping[Architecture, str] = {"x86_64": "amd64", "arm64": "arm64"}
"""What Docker calls an architecture."""
_UNKNOWN = ("not found", "repository does not exist")
"""What is said of a tag that nobody pushed, and of a repository that its first push makes."""


class ImageError(Exception):
    """An image can't be had; the message says why and what would help."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image of this repository."""

    name: str
    repository: str
    """With its registry, without a tag."""
    dockerfile: Path
    context: Path
    tag: str
    """Changes with what the image is made of."""
    revision: str
    """The commit that it is built from."""

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def parts(self) -> Mapping[str, str]:
        """The reference for each of its architectures, as Docker calls these."""
        known = [_DOCKERS[architecture] for architecture in ARCHITECTURES[self.name]]
        return {architecture: f"{self.reference}-{architecture}" for architecture in known}


def publish(image: Image, scan: Scan) -> str:
    """Return an image by its digest; it is built, scanned and pushed if nobody has.

    Raises ImageError, ScanError.
    """
    digest = _digest(image)
    if digest:
        print(f"{image.reference} is there already.")
    else:
        for architecture, part in image.parts.items():
            what = [
                *("--platform", f"linux/{architecture}"),
                *("--build-arg", f"REVISION={image.revision}"),
                *("--tag", part, "--file", str(image.dockerfile), str(image.context)),
            ]
            _run(["docker", "build", *what], f"{part} can't be built")
            scan.check(f"{image.name}-{architecture}", part)
        for part in image.parts.values():
            _run(["docker", "push", "--quiet", part], f"{part} can't be pushed")
        index = ["--tag", image.reference, *image.parts.values()]
        said = f"{image.reference} can't be made of {', '.join(image.parts.values())}"
        _run(["docker", "buildx", "imagetools", "create", *index], said)
        digest = _digest(image)
    if not digest:
        raise ImageError(f"{image.reference} isn't in the registry after it was pushed.")
    return f"{image.reference}@{digest}"


def log_in(environment: Mapping[str, str]) -> None:
    """Log in to Docker Hub. Raises ImageError when the login is missing, or refused."""
    missing = [name for name in (USERNAME, TOKEN) if not environment.get(name)]
    if missing:
        raise ImageError(f"{' and '.join(missing)} must be set, from the pipeline's secret.")
    done = subprocess.run(
        ["docker", "login", "--username", environment[USERNAME], "--password-stdin"],
        input=environment[TOKEN],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ImageError(f"Docker Hub refuses the login: {done.stderr.strip()}")


def _digest(image: Image) -> str | None:
    """Return the digest of an image in its registry, None when it isn't there."""
    words = ["docker", "buildx", "imagetools", "inspect", image.reference]
    done = subprocess.run(
        [*words, "--format", "{{.Manifest.Digest}}"], capture_output=True, text=True
    )
    if done.returncode == 0:
        return done.stdout.strip()
    if any(said in done.stderr for said in _UNKNOWN):
        return None
    raise ImageError(f"{image.reference} can't be looked up: {done.stderr.strip()}")


def _run(words: Sequence[str], otherwise: str) -> None:
    if subprocess.run(words).returncode:
        raise ImageError(f"{otherwise}, as docker says above.")
