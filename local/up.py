"""Standing environments up, changing them, and taking them away."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

from delivery.bootstrap import options
from local import baseline, docker_hub, emulator_python, people, stacks
from local.cdk import Cdk
from local.emulator import Emulator
from local.errors import LocalError
from local.paths import State, cache
from local.progress import Progress
from local.target import Target, environments
from local.tools import build, controllers, velero

ENDING = (
    'Reach it by any AWS client after eval "$(make env)", and by\n'
    'kubectl --kubeconfig "$(make kubeconfig)".\n'
    "Not real: nodes and pods are simulated (kwok), AWS is a stand-in (MiniStack), load balancers "
    "pass no traffic; docs/fidelity.md has the table."
)


def up(
    state: State,
    name: str,
    progress: Progress,
    *,
    app: str | None = None,
    port: int | None = None,
    charts: Path | None = None,
) -> None:
    """Stand up an environment, or all; what stands already is only changed.

    Raises LocalError where a step fails; the next `up` goes on from there.
    """
    chosen = environments(name)
    emulator = Emulator(state)
    cdk = Cdk(state.log)
    if not emulator.running:
        start(state, emulator, progress, port=port, charts=charts)
    elif port is not None or charts is not None:
        raise LocalError(
            "--port and --charts are for a stand-in that doesn't run yet; 'make down' comes first."
        )
    targets = [Target(environment=one, endpoint=emulator.endpoint) for one in chosen]
    with progress.step("Synthesize all environments"):
        cdk.synth(app, state.assembly)
    for target in targets:
        environment = target.environment
        stacks.settle(target, progress.say)
        if stacks.states(target).get("CDKToolkit") not in stacks.STANDING:
            with progress.step(f"Bootstrap account {environment.account} for CDK"):
                baseline.ensure_policies(target)
                cdk.bootstrap(target, state.assembly, options(environment))
        docker_hub.ensure_secret(target)
        with progress.step(f"Deploy {environment.name}"):
            cdk.deploy(target, state.assembly, f"{environment.name}/*", progress.detail)
    audit(emulator)


def down(state: State, progress: Progress) -> None:
    """Leave no process, no port and no file of what stood."""
    emulator = Emulator(state)
    if not state.folder.exists():
        progress.say("Nothing stands on this machine.")
        return
    with progress.step("End the stand-in and its clusters"):
        emulator.stop()
        shutil.rmtree(state.folder)


def diff(state: State, name: str, progress: Progress, *, app: str | None = None) -> str:
    """Return what `up` would change."""
    emulator = Emulator(state)
    cdk = Cdk(state.log)
    targets = [Target(environment=one, endpoint=emulator.endpoint) for one in environments(name)]
    assembly = state.folder / "cdk.diff"
    with progress.step("Synthesize all environments"):
        cdk.synth(app, assembly)
    return "".join(cdk.diff(target, assembly, f"{target.environment.name}/*") for target in targets)


def start(
    state: State,
    emulator: Emulator,
    progress: Progress,
    *,
    port: int | None = None,
    charts: Path | None = None,
) -> None:
    """Start the stand-in, from nothing."""
    if state.folder.exists():
        # Half of what stood is gone with the stand-in's memory, so the other half is no use.
        progress.say("The stand-in had ended without 'make down'; starting from nothing.")
        emulator.stop()
        shutil.rmtree(state.folder)
    made = tools(progress)
    with progress.step("Start the AWS stand-in"):
        emulator.start(
            tools=made.control_plane,
            controllers=[made.balancing, made.velero],
            python=made.python,
            port=port,
            # The user's own come first.
            charts=[
                *([charts] if charts else []),
                made.balancing / controllers.CHARTS,
                made.velero / velero.CHARTS,
            ],
        )
        people.settle_in(state.people, emulator.endpoint)


class Tools(NamedTuple):
    """Folders of programs, and the Python that the stand-in runs by."""

    control_plane: Path
    balancing: Path
    velero: Path
    python: Path


def tools(progress: Progress) -> Tools:
    """Make what is started here, where this machine lacks it. Raises BuildError or LocalError."""
    with progress.step("Tools: control plane, kubectl, helm"):
        control_plane = build.ensure(cache(), progress.detail)
    with progress.step("Tools: load balancer controller"):
        balancing = controllers.ensure(cache(), progress.detail)
    with progress.step("Tools: Velero"):
        backing_up = velero.ensure(cache(), progress.detail)
    with progress.step("Tools: the AWS stand-in"):
        python = emulator_python.ensure(cache(), progress.detail)
    return Tools(control_plane, balancing, backing_up, python)


def audit(emulator: Emulator) -> None:
    """Raise LocalError when the stand-in ignored anything that a template asked for."""
    ignored = [json.loads(line) for line in emulator.audit.read_text().splitlines()]
    if ignored:
        listed = "\n".join(f"  {json.dumps(entry)}" for entry in ignored)
        raise LocalError(f"The stand-in ignored what these templates ask for:\n{listed}")
