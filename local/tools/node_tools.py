"""Makes what a real node runs beside containerd: kubelet, kube-proxy, and what holds a pod."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from local.lock import shared_cache
from local.tools.build import kubernetes_flags
from local.tools.go import Binary, Report, build

HERE = Path(__file__).parent / "node"
PAUSE = "pause"


def ensure(kept: Path, report: Report) -> Path:
    """Return a folder with kubelet, kube-proxy and pause, made where they lack.

    The folder is below `kept` and named by the hash of what decides what they are: nothing but a
    test with real nodes needs them. Raises BuildError.
    """
    folder = kept / f"node-{key()}"
    with shared_cache(folder, report):
        for binary in binaries():
            if not (folder / binary.name).exists():
                build(binary, folder / binary.name, report)
    return folder


def key() -> str:
    """Return the hash of everything that decides what the binaries are."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", f"{PAUSE}/main.go"):
        digest.update((HERE / name).read_bytes())
    for binary in binaries():
        digest.update(f"{binary.package} {binary.linker_flags}\n".encode())
    return digest.hexdigest()[:16]


def binaries() -> Sequence[Binary]:
    """Return what is built, of the Kubernetes release that the control plane is of."""
    stamped = kubernetes_flags(HERE)
    return [
        *(
            Binary(name, f"k8s.io/kubernetes/cmd/{name}", HERE, stamped)
            for name in ("kubelet", "kube-proxy")
        ),
        Binary(PAUSE, f"./{PAUSE}", HERE),
    ]
