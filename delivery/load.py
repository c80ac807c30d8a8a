"""`python -m delivery.load URL`: say whether an environment keeps its promises under load.

Response times are Locust's: rounded to two digits, from a request's first byte to its answer's
last. They and the errors count from the first request to the last, the ramp included: so do users.
"""

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from delivery.arguments import address, namespaced, number, whole
from delivery.autoscaler import Autoscaler, AutoscalerError, Watch
from delivery.process import ROOT
from delivery.ramp import Ramp
from delivery.thresholds import THRESHOLDS, figures, problems

_END_SECONDS = 60
"""How long Locust may take beyond the ramp: the last answers, the clean-up, the report."""


class LoadError(Exception):
    """The load could not be made, so nothing can be said; the message says why."""


def load(url: str, ramp: Ramp, folder: Path, processes: int = 1) -> dict[str, Any]:
    """Load `url`, write load.html into `folder`, and return what was counted. Raises LoadError."""
    folder.mkdir(parents=True, exist_ok=True)
    result, log = folder / "load.json", folder / "locust.log"
    result.unlink(missing_ok=True)
    words = [sys.executable, "-m", "locust", "--locustfile", "delivery/load_users.py"]
    words += ["--headless", "--host", url, "--html", str((folder / "load.html").resolve())]
    words += ["--stop-timeout", "15", "--exit-code-on-error", "0", "--only-summary"]
    words += ["--processes", str(processes)] if processes > 1 else []
    variables = {**os.environ, **ramp.variables(), "LOAD_RESULT": str(result.resolve())}
    # Not the pipeline's, which may aim elsewhere.
    variables = {name: value for name, value in variables.items() if name[:7] != "LOCUST_"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            process.wait(ramp.seconds + _END_SECONDS)
        except subprocess.TimeoutExpired:
            raise LoadError(f"Locust did not end by itself; see {log}.") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode or not result.exists():
        last = (log.read_text().strip().splitlines() or ["nothing"])[-1]
        raise LoadError(f"Locust failed, and said: {last}")
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def _run(given: argparse.Namespace) -> list[str]:
    ramp = Ramp(
        users=given.users,
        rate=given.rate,
        ramp_seconds=given.ramp_seconds,
        hold_seconds=given.hold_seconds,
    )
    limits = {one.name: getattr(given, one.name.replace("-", "_")) for one in THRESHOLDS}
    watch: Watch | None = None
    with ExitStack() as stack:
        if given.kubeconfig is not None:
            autoscaler = Autoscaler(given.kubeconfig, *given.hpa)
            watch = stack.enter_context(autoscaler.watched())
        print(f"Loading {given.url} with up to {ramp.users} users for {ramp.seconds:g} s.")
        counted = load(given.url, ramp, given.report, given.processes)
    measured = figures(counted, ramp)
    found = problems(measured, limits)
    if watch and (unmoved := watch.problem()):
        found.append(unmoved)
    report = {
        "url": given.url,
        "passed": not found,
        "problems": found,
        "measured": measured,
        "limits": limits,
        "ramp": vars(ramp),
        "replicas": watch.readings if watch else None,
        **counted,
    }
    (given.report / "load.json").write_text(json.dumps(report, indent=2))
    for name, value in measured.items():
        print(f"{name:<12}{value:10.4g}   limit {limits[name]:g}")
    if watch:
        print(f"{'replicas':<12}{' → '.join(map(str, _changes(watch.readings))):>10}")
    for error in counted["errors"]:
        print(f"{error['occurrences']} times: {error['method']} {error['name']}: {error['error']}")
    print(f"Report: {given.report / 'load.html'} and {given.report / 'load.json'}")
    return found


def _changes(readings: Sequence[tuple[float, int]]) -> list[int]:
    counts = [replicas for _, replicas in readings]
    return [b for a, b in zip([None, *counts], counts, strict=False) if a != b]


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m delivery.load",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    ramp = Ramp()
    parser.add_argument("url", type=address, help="the public address; nothing else is loaded")
    parser.add_argument("--users", type=whole(1, 100_000), default=ramp.users, help="at the top")
    parser.add_argument(
        "--rate", type=number(0.01, 1000), default=ramp.rate, help="requests a second of a user"
    )
    for name in ("ramp_seconds", "hold_seconds"):
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=number(1, 86_400),
            default=getattr(ramp, name),
            help="to the top" if name == "ramp_seconds" else "at the top",
        )
    parser.add_argument(
        "--processes",
        type=whole(1, 64),
        default=1,
        help="of Locust, when one core sends too little",
    )
    for one in THRESHOLDS:
        most = 1.0 if one.unit == "" else 600_000.0
        way = "at least" if one.at_least else "at most"
        parser.add_argument(
            f"--{one.name}",
            type=number(0, most),
            default=one.limit,
            help=f"{one.what}, {way}".replace("%", "%%"),
        )
    parser.add_argument("--report", type=Path, default=Path("load-report"), help="a folder for it")
    parser.add_argument(
        "--kubeconfig", type=Path, help="also demand that the autoscaler adds pods, by kubectl"
    )
    parser.add_argument(
        "--hpa", type=namespaced, default="web/web", metavar="NAMESPACE/NAME", help="which one"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all was kept, 1 when not, 2 when that can't be told."""
    given = _arguments(arguments)
    try:
        if importlib.util.find_spec("locust") is None:
            raise LoadError("Locust is not there; delivery/requirements.txt has it.")
        httpx.get(f"{given.url}/readyz", timeout=10).raise_for_status()
        found = _run(given)
    except httpx.HTTPError as error:
        print(f"FAILED: {given.url} was not ready to be loaded: {error}.")
        return 1
    except (LoadError, AutoscalerError, OSError) as error:
        print(f"The load test itself could not run: {error}")
        return 2
    for problem in found:
        print(f"FAILED: {problem}")
    if not found:
        print("PASSED")
    return 1 if found else 0


if __name__ == "__main__":
    # A pipeline that is cancelled ends the load too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
