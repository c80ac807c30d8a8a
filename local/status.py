"""What stands on this machine, asked of the APIs themselves."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from local import access, processes, stacks
from local.emulator import Emulator
from local.paths import State, cache
from local.target import Target, environments
from local.tools import build

MIB = 1024 * 1024
RECORDED = "mindforce.local/recorded-release"
"""The label of what stands for a Helm release whose chart could not be had."""


def status(state: State) -> Iterator[str]:
    """Yield lines on each environment that stands. Raises LocalError when none does."""
    emulator = Emulator(state)
    endpoint = emulator.endpoint
    yield f"AWS stand-in   {endpoint}"
    for environment in environments("all"):
        yield from _environment(state, Target(environment=environment, endpoint=endpoint))
    pids = [processes.running(file) for file in state.folder.glob("**/*.pid")]
    running = [pid for pid in pids if pid is not None]
    resident = sum(processes.resident_bytes(pid) for pid in running) // MIB
    yield f"{len(running)} processes, {resident} MiB resident, files in {state.folder}"


def _environment(state: State, target: Target) -> Iterator[str]:
    name = target.environment.name
    states = stacks.states(target)
    own = sorted(stack for stack in states if stack.startswith(f"{name}-"))
    if not own:
        return
    yield ""
    yield f"{name}   account {target.environment.account}, {target.environment.region}"
    for stack in own:
        yield _row(stack, states[stack])
    if states.get(f"{name}-Cluster") not in stacks.STANDING:
        return
    kubeconfig = access.kubeconfig(state, target)
    nodes = _kubectl(kubeconfig, "get", "nodes")
    yield _row("nodes", f"{sum(map(_is_ready, nodes))}/{len(nodes)} ready")
    everywhere = "--all-namespaces"
    for workload in _kubectl(kubeconfig, "get", "deployments,statefulsets", everywhere):
        metadata, found = workload["metadata"], workload.get("status", {})
        have, wanted = found.get("readyReplicas", 0), workload["spec"].get("replicas", 1)
        yield _row(f"{metadata['namespace']}/{metadata['name']}", f"{have}/{wanted} ready")
    for release in _kubectl(kubeconfig, "get", "configmaps", everywhere, "--selector", RECORDED):
        data, namespace = release["data"], release["metadata"]["namespace"]
        said = f"Helm release {data['chart']} {data['version']}: recorded, not installed"
        yield _row(f"{namespace}/{data['release']}", said)


def _row(name: str, said: str) -> str:
    return f"  {name:<42}{said}"


def _kubectl(kubeconfig: Any, *arguments: str) -> list[dict[str, Any]]:
    kubectl = build.ensure(cache(), lambda _: None) / "kubectl"
    command = [str(kubectl), "--kubeconfig", str(kubeconfig), *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return items


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
