"""A machine that is a node: containerd and kubelet in namespaces that end with its first process.

kubelet, its containers and all that they started are in one tree of processes, so that a SIGKILL
of the first ends the machine as a lost one ends: nothing of it says a word. Its disk is a folder.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from delivery.process import wait_for
from tests.node.network import Network, dying

VOLUMES = "/mnt"
"""Where a machine's volumes are, as its pods' node sees them."""
PAUSE_IMAGE = "localhost/pause:1"

_CGROUPS = Path("/sys/fs/cgroup")
_START = """
mount -t tmpfs run /run
mount --bind {folder}/lib /var/lib
mount --bind {folder}/log /var/log
mount --bind {folder}/volumes {volumes}
containerd --config {folder}/containerd.toml >> {folder}/containerd.log 2>&1 &
until ctr version > /dev/null 2>&1; do sleep 0.05; done
{imports}
{kubelet} >> {folder}/kubelet.log 2>&1 &
wait -n
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One node's machine, as it is before it is switched on.

    `kubeconfig` holds the node's identity, `images` are archives that its disk is given, and
    `tools` has kubelet.
    """

    name: str
    zone: str
    address: str
    folder: Path
    network: Network
    tools: Path
    kubeconfig: Path
    authority: Path
    images: Sequence[Path]

    def start(self) -> "Running":
        """Switch it on; what is on its disk is there again."""
        for name in ("lib", "log", "volumes"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        cgroup = f"/nodes-{os.getpid()}/{self.name}"
        _make_cgroups(cgroup)
        (self.folder / "containerd.toml").write_text(self._containerd())
        (self.folder / "kubelet.json").write_text(json.dumps(self._kubelet(cgroup)))
        (self.folder / "resolv.conf").write_text("")
        (self.folder / "cni").mkdir(exist_ok=True)
        (self.folder / "cni" / "pods.conflist").write_text(json.dumps(self._pod_network()))
        fresh = self.folder / "imported"
        imports = [f"ctr -n k8s.io images import --digests=false {one} &" for one in self.images]
        script = _START.format(
            folder=shlex.quote(str(self.folder)),
            volumes=VOLUMES,
            imports="" if fresh.exists() else "\n".join([*imports, "wait $(jobs -p | tail -n +2)"]),
            kubelet=shlex.join(self._kubelet_command()),
        )
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        command = self.network.enter(*dying(*namespaces, "bash", "-euc", script))
        with (self.folder / "machine.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        fresh.touch()
        return Running(self, process, cgroup)

    def _kubelet_command(self) -> list[str]:
        labels = {
            "topology.kubernetes.io/zone": self.zone,
            "topology.kubernetes.io/region": self.zone[:-1],
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
        }
        return [
            str(self.tools / "kubelet"),
            f"--config={self.folder / 'kubelet.json'}",
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.address}",
            f"--node-labels={','.join(f'{k}={v}' for k, v in labels.items())}",
        ]

    def _kubelet(self, cgroup: str) -> Mapping[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.address,
            "healthzBindAddress": self.address,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.authority)},
            },
            "authorization": {"mode": "Webhook"},
            "clusterDNS": [self.network.gateway],
            "clusterDomain": "cluster.local",
            "resolvConf": str(self.folder / "resolv.conf"),
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup,
            # As this machine has it; EKS's have the second version.
            "failCgroupV1": False,
            "failSwapOn": False,
            # The disk is this machine's, and how full it is isn't the test's business.
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "imageMinimumGCAge": "24h",
        }

    def _containerd(self) -> str:
        cri = '[plugins."io.containerd.grpc.v1.cri"'
        return f"""version = 2
{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  # A machine without CAP_SYS_RESOURCE may not lower these scores.
  restrict_oom_score_adj = true
{cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{self.folder / "cni"}"
{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
"""

    def _pod_network(self) -> Mapping[str, object]:
        ipam = {
            "type": "host-local",
            "ranges": [[{"subnet": self.network.pods}]],
            # One range for all nodes, which share a network namespace.
            "dataDir": str(self.folder.parent / "addresses"),
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        plugins = [{"type": "ptp", "ipam": ipam}]
        return {"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}


class Running:
    """A machine that is on."""

    def __init__(self, machine: Machine, process: subprocess.Popen[bytes], cgroup: str) -> None:
        self.machine = machine
        self._process = process
        self._cgroup = cgroup

    def lose(self) -> None:
        """End all of it at once, without a word to anybody; fine when it has ended."""
        self._process.kill()
        self._process.wait()
        wait_for(lambda: _remove_cgroups(self._cgroup), 30)

    def logs(self) -> str:
        """The ends of what its programs have said, for a test that fails."""
        files = [
            *self.machine.folder.glob("*.log"),
            *self.machine.folder.glob("log/pods/*/*/*.log"),
        ]
        return "\n".join(f"--- {one}\n{one.read_text(errors='replace')[-2000:]}" for one in files)


def _make_cgroups(name: str) -> None:
    for hierarchy in _hierarchies():
        folder = hierarchy
        for part in Path(name.lstrip("/")).parts:
            folder = folder / part
            folder.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):
                # The first version gives a new group no processor by itself.
                if (folder / file).exists() and (folder.parent / file).exists():
                    (folder / file).write_text((folder.parent / file).read_text())


def _remove_cgroups(name: str) -> bool:
    for hierarchy in _hierarchies():
        root = hierarchy / name.lstrip("/")
        for folder in sorted(root.rglob("*/"), reverse=True) if root.exists() else []:
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            root.rmdir()
        if root.exists():
            return False
        with suppress(OSError):
            root.parent.rmdir()
    return True


def _hierarchies() -> list[Path]:
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [one for one in _CGROUPS.iterdir() if (one / "cgroup.procs").exists()]
