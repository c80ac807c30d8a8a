"""What this machine doesn't have, and what builds get in its place: said, each time."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from delivery.images import WITHOUT_DOCKER
from delivery.postgres import temporary
from delivery.process import environment as service_environment
from delivery.process import run, running, wait_for
from delivery.registry import TOKEN, USERNAME
from local.docker_hub import NOBODY
from local.rehearsal.context import Context
from local.rehearsal.errors import ActionFailedError

URL, WATCH, LOAD = "URL", "WATCH_SECONDS", "LOAD_OPTIONS"
"""Variables of the pipeline's builds."""
_WATCH_SECONDS = "3"
_LOAD_OPTIONS = "--users 4 --ramp-seconds 3 --hold-seconds 7 --p95 2000 --p99 4000"


class StandIns:
    """Stands in for Docker, for load balancers that pass traffic, and for time."""

    @contextmanager
    def instead(
        self,
        context: Context,
        project: Mapping[str, Any],
        source: Path,
        environment: Mapping[str, str],
    ) -> Iterator[Mapping[str, str]]:
        """Give the variables that differ, as long as the block lasts."""
        name, changed = project["name"], dict[str, str]()
        with ExitStack() as stack:
            images = project["environment"].get("privilegedMode")
            if images and (missing := _missing_for_images(environment)):
                context.deviate(f"{name}: {missing}: nothing built or scanned, digests made up.")
                changed[WITHOUT_DOCKER] = "1"
            if WATCH in environment:
                context.deviate(f"{name}: {_WATCH_SECONDS} s instead of {environment[WATCH]} s.")
                changed[WATCH] = _WATCH_SECONDS
            if LOAD in environment:
                context.deviate(f"{name}: {_LOAD_OPTIONS!r} instead of {environment[LOAD]!r}.")
                changed[LOAD] = _LOAD_OPTIONS
            if URL in environment and (source / "service").is_dir():
                context.deviate(
                    f"{name}: the commit's service, run as a process, in place of "
                    f"{environment[URL]}: pods are simulated here."
                )
                changed[URL] = stack.enter_context(_serving(source))
            yield changed


@contextmanager
def _serving(source: Path) -> Iterator[str]:
    """Run the service of a clone beside a PostgreSQL of its own."""
    with temporary() as (server,):
        settings = service_environment(server.create_database("rehearsal"))
        migrated = run("service.migrate", "head", env=settings, root=source)
        if migrated.returncode:
            raise ActionFailedError(f"Its migrations failed: {migrated.stderr.strip()[-500:]}")
        try:
            with running(source / "service.log", settings, source) as service:
                wait_for(service.ready)
                yield f"http://127.0.0.1:{service.port}"
        except (ChildProcessError, TimeoutError) as error:
            raise ActionFailedError(f"The service doesn't serve: {error}") from error


def _missing_for_images(environment: Mapping[str, str]) -> str | None:
    """Return what images can't be built and pushed without, None when nothing is missing."""
    if not _docker():
        return "no Docker"
    if environment.get(USERNAME, NOBODY) == NOBODY:
        return f"no login to a registry ({USERNAME} and {TOKEN} give one)"
    return None


@cache
def _docker() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, timeout=20)
    return asked.returncode == 0
