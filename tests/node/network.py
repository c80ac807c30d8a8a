"""A network of the nodes' own: namespaces of the kernel, which go with the processes in them."""

import os
import random
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from delivery.process import wait_for

API_PORT = 6443


class Network:
    """A network of random addresses, 10.N.0.0/16, where this machine is 10.N.0.1.

    All nodes share one network namespace: pods of all of them are routed, no address is
    translated but those of Services, and what is sent to a pod that is gone is lost, as it is
    when its machine is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        number = _free_number()
        self._prefix = f"10.{number}"
        self._link = f"nodes{number}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.gateway = f"{self._prefix}.0.1"
        self.pods = f"{self._prefix}.1.0/24"
        self.services = f"{self._prefix}.128.0/17"

    def node(self, number: int) -> str:
        """The address of a node."""
        return f"{self._prefix}.0.{10 + number}"

    def start(self, nodes: int) -> None:
        """Make the network and let this machine reach it; DNS answers what `name` is told."""
        holder = self._spawn(*dying("unshare", "--net", "sleep", "infinity"))
        wait_for(lambda: _namespace(holder.pid) != _namespace(os.getpid()))
        self.namespace = f"/proc/{holder.pid}/ns/net"
        veth = ("type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
        run("ip", "link", "add", self._link, *veth)
        run("ip", "address", "add", f"{self.gateway}/24", "dev", self._link)
        run("ip", "link", "set", self._link, "up")
        inside = [
            *(f"ip address add {self.node(one)}/24 dev eth0" for one in range(nodes)),
            "ip link set lo up",
            "ip link set eth0 up",
            f"ip route add default via {self.gateway}",
            # A machine that is gone answers nothing; without this, its neighbour would.
            f"ip route add blackhole {self.pods}",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
        ]
        run(*self.enter("sh", "-ec", "\n".join(inside)))
        route = (f"{self._prefix}.0.0/16", "via", self.node(0), "dev", self._link)
        run("ip", "route", "add", *route)
        (self._folder / "hosts").mkdir(parents=True)
        options = ["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--no-resolv"]
        options += ["--no-hosts", "--bind-interfaces", f"--listen-address={self.gateway}"]
        options += [
            f"--hostsdir={self._folder / 'hosts'}",
            "--user=root",
            "--local=/cluster.local/",
        ]
        self._spawn("dnsmasq", *options)

    def name(self, names: Mapping[str, str], file: str) -> None:
        """Resolve names to addresses; `file` keeps them apart from others."""
        lines = [f"{address} {name}\n" for name, address in names.items()]
        partial = self._folder / file
        partial.write_text("".join(lines))
        partial.rename(self._folder / "hosts" / file)

    def enter(self, *command: str) -> Sequence[str]:
        """The command, run inside."""
        return ("nsenter", f"--net={self.namespace}", *command)

    def close(self) -> None:
        """End what runs for it; the kernel takes the rest back."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "network.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self._processes.append(process)
        return process


def dying(*command: str) -> Sequence[str]:
    """The command, ended by the kernel when this process is, however that ends."""
    return ("setpriv", f"--pdeathsig={signal.SIGKILL.name.removeprefix('SIG')}", *command)


def run(*command: str, **env: str) -> str:
    """Return what a command prints; its words fail the test when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done.stdout


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def _free_number() -> int:
    routes = run("ip", "-4", "route")
    return random.choice([one for one in range(64, 250) if f"10.{one}." not in routes])
