"""What stands before the first run: accounts, secrets, the connection, the pipeline itself."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from config.environments import PIPELINE, TABLE
from delivery.bootstrap import options
from local import baseline, docker_hub, stacks
from local.cdk import Cdk
from local.paths import State
from local.progress import Progress
from local.rehearsal.cloud import Actor, root
from local.target import AccountTarget, Target

_APP = "python -O app.py --pipeline"
_STACK = "Pipeline"


def prepare(
    state: State, endpoint: str, progress: Progress, login: Mapping[str, str] | None = None
) -> Actor:
    """Deploy the pipeline where it doesn't stand, and return the root of its account.

    `login` is what images are pushed by, and is made up where nobody has given one.
    """
    tooling = TABLE.tooling
    actor = root(endpoint, tooling.account, tooling.region)
    targets = [
        AccountTarget(environment=account, endpoint=endpoint)
        for account in (tooling, *TABLE.environments)
    ]
    for target in targets:
        stacks.settle(target, progress.say)
    if stacks.states(targets[0]).get(_STACK) in stacks.STANDING:
        docker_hub.ensure(targets[0], PIPELINE.docker_hub_secret, login)
        return actor
    cdk = Cdk(state.log)
    with progress.step("Synthesize all environments and the pipeline"):
        cdk.synth(_APP, state.assembly)
    with progress.step("Bootstrap the accounts, and make what people make"):
        # Accounts of their own: none waits for another.
        with ThreadPoolExecutor(len(targets)) as pool:
            list(pool.map(lambda target: _bootstrap(cdk, state, target), targets))
        for environment in TABLE.environments:
            docker_hub.ensure_secret(Target(environment=environment, endpoint=endpoint))
        docker_hub.ensure(targets[0], PIPELINE.docker_hub_secret, login)
        actor.ask(
            "ConfirmConnection",
            {"connectionArn": PIPELINE.connection_arn, "repository": PIPELINE.repository},
        )
    with progress.step("Deploy the pipeline"):
        cdk.deploy(targets[0], state.assembly, _STACK, progress.detail)
    return actor


def _bootstrap(cdk: Cdk, state: State, target: AccountTarget) -> None:
    baseline.ensure_policies(target)
    cdk.bootstrap(target, state.assembly, options(target.environment))
