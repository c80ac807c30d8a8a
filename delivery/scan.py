"""The scan that an image must pass before it is pushed, by Grype; its list of parts is kept.

images/grype.yaml says what is refused. Nothing but the standard library and docker is needed.
"""

import hashlib
import io
import os
import platform
import subprocess
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCANNER = "GRYPE"
"""A variable that names a program to use, in place of the one that is fetched."""
VERSION = "0.120.0"
SHA256 = "a5a1218dce63acdac152a6b3b5bb366e7267e36f4069848cf455543b3fa5700e"
_URL = (
    f"https://github.com/anchore/grype/releases/download/v{VERSION}"
    f"/grype_{VERSION}_linux_amd64.tar.gz"
)
_FOUND = 2
"""Grype's exit code for a vulnerability that its configuration refuses."""
_SECONDS = 120


class ScanError(Exception):
    """An image is refused, or can't be scanned; the message says why and what would help."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Scans images, and leaves each one's report and list of parts in a folder."""

    folder: Path
    """Gets NAME.vulnerabilities.json and NAME.sbom.json (CycloneDX)."""
    tools: Path
    """Gets the scanner."""
    url: str = _URL
    sha256: str = SHA256

    def check(self, name: str, image: str) -> None:
        """Raises ScanError when an image of the Docker daemon must not be pushed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [
            *(self._scanner(), f"docker:{image}", "--config", str(ROOT / "images" / "grype.yaml")),
            *("--output", "table"),
            *("--output", f"json={self.folder / f'{name}.vulnerabilities.json'}"),
            *("--output", f"cyclonedx-json={self.folder / f'{name}.sbom.json'}"),
        ]
        try:
            status = subprocess.run(words).returncode
        except OSError as error:
            raise ScanError(f"{image} can't be scanned: {error}.") from error
        if status == _FOUND:
            raise ScanError(
                f"{image} has vulnerabilities that are mended elsewhere, listed above: raise what "
                "it is made of, or say in images/grype.yaml why one may stay."
            )
        if status:
            raise ScanError(f"{image} can't be scanned: Grype ended with {status}.")

    def _scanner(self) -> str:
        """Return the scanner, fetched if it isn't there. Raises ScanError."""
        if given := os.environ.get(SCANNER):
            return given
        program = self.tools / "grype"
        if not program.exists():
            with tarfile.open(fileobj=io.BytesIO(self._fetched())) as files:
                files.extract(program.name, self.tools, filter="data")
        return str(program)

    def _fetched(self) -> bytes:
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            raise ScanError(f"The pinned Grype is for Linux on x86_64; set {SCANNER} to another.")
        try:
            with urllib.request.urlopen(self.url, timeout=_SECONDS) as answer:
                archive: bytes = answer.read()
        except OSError as error:
            raise ScanError(f"Grype {VERSION} can't be had from {self.url}: {error}.") from error
        found = hashlib.sha256(archive).hexdigest()
        if found != self.sha256:
            raise ScanError(f"{self.url} has the SHA-256 {found} in place of {self.sha256}.")
        return archive
