"""The server: MiniStack with our resource types, loopback only, nothing kept after it ends.

python -m local.aws.server --port N --state DIR --tools DIR --region R [--charts DIR …]
[--controllers DIR …]
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.aws import account_hosts, internals
from local.aws.functions.workers import Workers
from local.aws.settings import Settings

_DRAIN_SECONDS = 0.3


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, which end the process with 0; 1 when it cannot serve."""
    settings = _parse(arguments)
    _prepare(settings)
    try:
        internals.check_version()
        planes = _install(settings)
    except internals.MiniStackChangedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(settings, planes.stop_all))
    except OSError as error:
        print(f"error: port {settings.port} cannot be served: {error}", file=sys.stderr)
    return 1


def environment(settings: Settings) -> dict[str, str]:
    """MiniStack's settings; everything that would listen beyond loopback is off."""
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(settings.port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": settings.region,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "LAMBDA_EXECUTOR": "local",
        # Of a function's processes one is kept, and more only while a stack needs them.
        "LAMBDA_WARM_TTL_SECONDS": "30",
        "TMPDIR": str(settings.temporary),
    }


def _parse(arguments: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m local.aws.server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of this environment")
    parser.add_argument("--tools", type=Path, required=True, help="etcd, kube-apiserver, helm …")
    parser.add_argument("--region", required=True)
    parser.add_argument(
        "--charts", type=Path, action="append", default=[], help="Helm charts to install for real"
    )
    parser.add_argument(
        "--controllers",
        type=Path,
        action="append",
        default=[],
        help="programs that run for their pods",
    )
    given = parser.parse_args(arguments)
    return Settings(
        port=given.port,
        state=given.state.resolve(),
        tools=given.tools.absolute(),
        region=given.region,
        charts=[folder.resolve() for folder in given.charts],
        controllers=[folder.absolute() for folder in given.controllers],
    )


def _prepare(settings: Settings) -> None:
    # Before their folders go: one that still writes would hold up the removal.
    Workers(settings).stop_all()
    shutil.rmtree(settings.temporary, ignore_errors=True)
    settings.temporary.mkdir(parents=True)
    for file in (settings.audit, settings.actions):
        file.unlink(missing_ok=True)
        file.touch()
    # MiniStack reads these while it is imported.
    os.environ.update(environment(settings))


def _install(settings: Settings) -> Any:
    from local.aws import (
        acm,
        actions,
        audit,
        cloudformation,
        cloudtrail,
        cloudwatch,
        codebuild,
        codeconnections,
        codepipeline,
        cross_account,
        ec2,
        ecr,
        eks,
        elbv2,
        functions,
        guardduty,
        iam,
        logs,
        managed_policies,
        organizations,
        runner,
        s3,
        secretsmanager,
        simulation,
        sns,
        sts,
    )
    from local.aws.resource_types import provision_waiting_types_on_threads

    cloudformation.install()
    provision_waiting_types_on_threads()
    ec2.install()
    ecr.install()
    elbv2.install()
    acm.install()
    s3.install()
    secretsmanager.install()
    managed_policies.install()
    iam.install()
    sts.install()
    logs.install()
    sns.install()
    cloudwatch.install()
    organizations.install()
    cloudtrail.install()
    guardduty.install()
    simulation.install()
    cross_account.install()
    codebuild.install()
    codepipeline.install()
    codeconnections.install()
    runner.install()
    functions.install(settings)
    planes = eks.install(settings)
    audit.watch_all(settings.audit)
    actions.install(settings.actions)
    return planes


async def _serve(settings: Settings, stop_clusters: Callable[[], None]) -> None:
    """Serve until told to end; the process ends here, whatever its threads wait for."""
    hypercorn: Any = __import__("hypercorn.asyncio", fromlist=["serve"])
    config: Any = __import__("hypercorn.config", fromlist=["Config"]).Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _DRAIN_SECONDS
    config.shutdown_timeout = _DRAIN_SECONDS
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    app = account_hosts.served(internals.module("app").app)
    serving = asyncio.create_task(hypercorn.serve(app, config, shutdown_trigger=ended.wait))
    # Clusters end while open connections drain; a server that cannot listen ends them too.
    await asyncio.wait(
        [serving, asyncio.create_task(ended.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    functions = internals.module("core.lambda_runtime")
    await asyncio.gather(
        serving, asyncio.to_thread(stop_clusters), asyncio.to_thread(functions.reset)
    )
    Workers(settings).stop_all()
    shutil.rmtree(settings.temporary, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # A stack may still wait for a custom resource's answer, which can no longer come.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
