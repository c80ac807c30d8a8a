"""Starting, stopping, and what a killed parent leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import processes
from local.kubernetes import addons, nodes
from local.kubernetes.control_plane import ControlPlane, ControlPlaneError
from tests.local_kubernetes.support import ACCOUNT, REGION, group

REPOSITORY = Path(__file__).resolve().parents[2]

PARENT = """
import sys, time
from pathlib import Path
from local.kubernetes.control_plane import ControlPlane
ControlPlane(Path(sys.argv[1]), Path(sys.argv[2])).start(token_webhook_url=sys.argv[3])
print("ready", flush=True)
time.sleep(600)
"""


def test_a_killed_parents_processes_are_stopped_and_taken_up_again(
    tools: Path, token_webhook: str, tmp_path: Path
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "c"), str(tools), token_webhook],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    plane = ControlPlane(tmp_path / "c", tools)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        parent.wait()
        parent.stdout.close()
        left = {name: pid for name, pid in plane.status().items() if pid is not None}
        assert set(left) == {
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok",
        }
        endpoint = plane.endpoint
        for name in ("vpc-cni", "kube-proxy"):
            addons.apply(plane, name, region=REGION, account=ACCOUNT)
        nodes.apply(plane, group(desired_size=1))
        plane.kubectl("create", "deployment", "web", "--image=example/web", "--replicas=2")
        plane.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        plane.stop()
        assert not any(plane.status().values())
        assert not any(Path(f"/proc/{pid}/exe").exists() for pid in left.values())
        plane.stop()

        plane.start(token_webhook_url=token_webhook)
        assert plane.endpoint == endpoint
        plane.kubectl("scale", "deployment/web", "--replicas=4")
        plane.kubectl("rollout", "status", "deployment/web", "--timeout=20s")
        pods = plane.client.get("api/v1/namespaces/default/pods")["items"]
        assert len({pod["status"]["podIP"] for pod in pods}) == 4
    finally:
        parent.kill()
        parent.wait()
        plane.stop()
    assert not any(plane.status().values())


def _stand_ins(folder: Path, **scripts: str) -> None:
    folder.mkdir()
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def test_a_port_taken_between_choosing_and_binding_is_tried_again(tmp_path: Path) -> None:
    said = "echo bind: address already in use; exit 1"
    script = f'for word; do echo "$word" >> {tmp_path}/words; done; {said}'
    _stand_ins(tmp_path / "bin", etcd="exec /bin/sleep 60", kube_apiserver=script)
    plane = ControlPlane(tmp_path / "c", tmp_path / "bin")
    with pytest.raises(ControlPlaneError, match=r"^No free port .* in 3 attempts; see /"):
        plane.start(token_webhook_url="http://127.0.0.1:9/")
    words = (tmp_path / "words").read_text().splitlines()
    ports = [word for word in words if word.startswith("--secure-port=")]
    assert len(ports) == 3
    assert len(set(ports)) > 1
    assert not any(plane.status().values())


def test_a_component_that_ends_is_named_with_its_log(tmp_path: Path) -> None:
    _stand_ins(tmp_path / "bin", etcd="echo no luck; exit 3", kube_apiserver="exec /bin/sleep 60")
    plane = ControlPlane(tmp_path / "c", tmp_path / "bin")
    with pytest.raises(
        ControlPlaneError, match=r"ended at its start, last saying: no luck \(see /"
    ):
        plane.start(token_webhook_url="http://127.0.0.1:9/")
    assert not any(plane.status().values())


def test_missing_tools_are_named(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path / "c", tmp_path / "nowhere")
    with pytest.raises(ControlPlaneError, match=r"etcd can't be started: .*nowhere/etcd"):
        plane.start(token_webhook_url="http://127.0.0.1:9/")


def test_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    pid_file = tmp_path / "run" / "old.pid"
    child = subprocess.Popen(["sleep", "60"])
    try:
        processes.record(pid_file, child.pid)
        assert processes.running(pid_file) == child.pid
        pid_file.write_text(pid_file.read_text().replace('"identity": "', '"identity": "another '))
        assert processes.running(pid_file) is None
        processes.stop([pid_file], patience=0.1)
        assert child.poll() is None
        assert not pid_file.exists()
    finally:
        child.kill()
        child.wait()


def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    pid_file, log = tmp_path / "deaf.pid", tmp_path / "deaf.log"
    script = "trap '' TERM; echo deaf; while :; do sleep 1; done"
    pid = processes.spawn(pid_file, ["/bin/sh", "-c", script], log=log, environment=os.environ)
    while "deaf" not in log.read_text():
        assert processes.running(pid_file) == pid
    processes.stop([pid_file], patience=0.1)
    assert processes.running(pid_file) is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
