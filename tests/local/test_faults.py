"""What goes wrong on a machine, told in a sentence, and put right by the next command."""

import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from config.environments import DEV
from local.cdk import Cdk
from tests.local import inventory
from tests.local.machine import Machine, eventually


def test_down_when_nothing_stands(other: Machine) -> None:
    done = other.run("down")
    assert done.returncode == 0
    assert "Nothing stands" in done.stderr


@pytest.mark.parametrize("command", ["status", "env", "kubeconfig", "diff"])
def test_asking_about_nothing_says_what_comes_first(other: Machine, command: str) -> None:
    done = other.run(command)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Nothing stands on this machine; 'make up' comes first.")


def test_an_environment_that_is_not_there(other: Machine) -> None:
    done = other.run("up", "--env", "qa")
    assert done.returncode == 1
    assert done.stderr == (
        "error: There is no environment 'qa'; ENV must be one of dev, stage, prod, all.\n"
    )
    assert not other.state.folder.exists()


def test_a_wrong_config_stops_before_anything_is_done(other: Machine) -> None:
    done = other.up("web.min_replicas=1")
    assert done.returncode == 1
    assert "(min, max) replicas is (1, 10); it must hold 2 <= min <= max" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port(other: Machine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = other.run("up", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} can't be used (Address already in use)" in done.stderr


def test_two_at_once_a_kill_and_a_second_clone(dev: Machine, other: Machine) -> None:
    """Up twice at once, the stand-in killed in the middle, up again; next to a standing clone."""
    with other.begin("up") as first:
        try:
            _interrupt(other)
        finally:
            first.send_signal(signal.SIGINT)
            first.communicate()
    assert first.returncode

    again = other.run("up")
    assert again.returncode == 0, again.stderr
    assert "had ended without 'make down'" in again.stderr
    web = other.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")
    assert web["status"]["readyReplicas"] == 3

    assert dev.emulator.endpoint != other.emulator.endpoint
    assert len(_ours(other.state.folder)) >= 6
    _destroy_leaves_nothing_but_what_is_kept(other)
    assert other.run("down").returncode == 0
    assert _ours(other.state.folder) == {}
    assert not other.state.folder.exists()
    assert dev.kubectl("get", "nodes", "-o", "name").count("node/") >= 2


def _destroy_leaves_nothing_but_what_is_kept(other: Machine) -> None:
    """Delete all stacks as on AWS, load balancers first, and list the account."""
    assert other.client("elbv2").describe_load_balancers()["LoadBalancers"]
    Cdk(other.state.log).destroy(other.target, other.state.assembly, "dev/*")
    found = inventory.listed(other.session, other.emulator.endpoint)
    assert found == {
        # The record of what was backed up, and of who came, outlives the environment.
        "s3 buckets": {"backup", "load balancer logs"},
        "kms keys": {"Backups"},
        "secrets": {
            # Without it the data of volumes in the bucket is noise.
            "Password of the repository of volumes' data in the backup bucket",
            # Of the account, made before its first stack.
            DEV.images.docker_hub_secret,
        },
        "stacks": {"CDKToolkit"},
    }


def _interrupt(other: Machine) -> None:
    """Try a second `up` beside the first, and kill the stand-in once a cluster is starting."""
    eventually(lambda: other.state.lock.exists() and other.state.lock.read_text())
    second = other.run("up")
    assert second.returncode == 1
    assert "'make up' (pid" in second.stderr
    assert "is at work in this clone" in second.stderr

    clusters = other.state.clusters
    eventually(lambda: any(clusters.glob("*/**/*.pid")), seconds=120)
    pid = other.emulator.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def _ours(folder: Path) -> dict[int, list[str]]:
    """Return the command lines of the processes that have to do with a state folder."""
    found = {}
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
        if any(str(folder) in word for word in words) and process.pid != os.getpid():
            found[process.pid] = words
    return found


def test_nothing_listens_beyond_loopback(dev: Machine) -> None:
    addresses = set()
    for pid in _ours(dev.state.folder):
        for connection in psutil.Process(pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                addresses.add(connection.laddr.ip)
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}
