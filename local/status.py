"""What stands on this machine, asked of the APIs themselves."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from local import access, processes
from local.emulator import Emulator
from local.paths import State, cache
from local.target import Target, environments
from local.tools import build

MIB = 1024 * 1024


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
    cloudformation = access.session(target).client("cloudformation", endpoint_url=target.endpoint)
    try:
        stacks = cloudformation.describe_stacks()["Stacks"]
    except ClientError:
        return
    own = sorted(s["StackName"] for s in stacks if s["StackName"].startswith(f"{name}-"))
    if not own:
        return
    states = {s["StackName"]: s["StackStatus"] for s in stacks}
    yield ""
    yield f"{name}   account {target.environment.account}, {target.environment.region}"
    for stack in own:
        yield f"  {stack:<24}{states[stack]}"
    if f"{name}-Cluster" not in own or not states[f"{name}-Cluster"].endswith("_COMPLETE"):
        return
    kubeconfig = access.kubeconfig(state, target)
    nodes = _kubectl(kubeconfig, "get", "nodes")
    ready = sum(_is_ready(node) for node in nodes)
    yield f"  {'nodes':<24}{ready}/{len(nodes)} ready"
    for deployment in _kubectl(kubeconfig, "get", "deployments", "--all-namespaces"):
        metadata, found = deployment["metadata"], deployment.get("status", {})
        have, wanted = found.get("readyReplicas", 0), deployment["spec"].get("replicas", 1)
        yield f"  {metadata['namespace'] + '/' + metadata['name']:<24}{have}/{wanted} ready"


def _kubectl(kubeconfig: Any, *arguments: str) -> list[dict[str, Any]]:
    kubectl = build.ensure(cache(), lambda _: None) / "kubectl"
    command = [str(kubectl), "--kubeconfig", str(kubeconfig), *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return items


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
