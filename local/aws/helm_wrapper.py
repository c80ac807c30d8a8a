"""The `helm` that Lambda functions find first: installs what can be had, records what cannot.

A chart in a folder of $MINDFORCE_CHARTS (`name-version.tgz`, or `name/` of that version), a local
chart, or one whose repository answers within 3 s goes to the real helm. Any other release becomes
the ConfigMap `helm-release-<name>` in its namespace with `installed: "false"`, and is said so.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

REACH_SECONDS = 3.0
RECORDED = "RECORDED, NOT INSTALLED"
LABEL = "mindforce.local/recorded-release"
_MARK = "not-reachable.json"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Which chart a release wants: its name, version and where it should come from."""

    name: str
    version: str
    repository: str


def main(words: Sequence[str]) -> int:
    """Act as helm; the exit code is helm's."""
    verb = words[0] if words else ""
    handler = {
        "upgrade": _upgrade,
        "uninstall": _uninstall,
        "pull": _pull,
        "registry": _registry,
    }.get(verb, _helm)
    return handler(list(words))


def _upgrade(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="helm upgrade", add_help=False)
    parser.add_argument("verb")
    parser.add_argument("release")
    parser.add_argument("chart")
    for name in ("--repo", "--version", "--namespace", "--kubeconfig"):
        parser.add_argument(name, default="")
    parser.add_argument("--values", action="append", default=[])
    parser.add_argument("--create-namespace", action="store_true")
    given, _ = parser.parse_known_args(words)
    folder = Path(given.chart)
    mark = folder / _MARK
    if mark.exists():
        wanted = Chart(**json.loads(mark.read_text()))
    elif folder.is_dir() or folder.is_file():
        return _install(words, given)
    else:
        wanted = Chart(
            name=given.chart.rsplit("/", 1)[-1],
            version=given.version,
            repository=given.repo or given.chart,
        )
        found = _given_chart(wanted)
        if found:
            return _install(_with_chart(words, given, found), given)
        if _reachable(wanted.repository):
            return _install(words, given)
    return _record(wanted, given)


def _uninstall(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="helm uninstall", add_help=False)
    parser.add_argument("verb")
    parser.add_argument("release")
    for name in ("--namespace", "--kubeconfig"):
        parser.add_argument(name, default="")
    given, _ = parser.parse_known_args(words)
    if _recorded(given):
        return _forget(given)
    return _helm(words)


def _pull(words: list[str]) -> int:
    """`helm pull oci://… --untar` into the current folder."""
    parser = argparse.ArgumentParser(prog="helm pull", add_help=False)
    parser.add_argument("verb")
    parser.add_argument("chart")
    parser.add_argument("--version", default="")
    given, _ = parser.parse_known_args(words)
    wanted = Chart(
        name=given.chart.rsplit("/", 1)[-1], version=given.version, repository=given.chart
    )
    found = _given_chart(wanted)
    if found and found.is_dir():
        shutil.copytree(found, wanted.name)
        return 0
    if found:
        shutil.unpack_archive(found, ".", "gztar")
        return 0
    if _reachable(wanted.repository):
        return _helm(words)
    Path(wanted.name).mkdir()
    (Path(wanted.name) / _MARK).write_text(json.dumps(vars(wanted)))
    return 0


def _registry(words: list[str]) -> int:
    """`helm registry login HOST`: nothing to log in to when the registry does not answer."""
    return _helm(words) if _reachable(f"oci://{words[-1]}") else 0


def _install(words: list[str], given: argparse.Namespace) -> int:
    code = _helm(words)
    if code == 0 and _recorded(given):
        return _forget(given)
    return code


def _helm(words: list[str]) -> int:
    own = Path(os.environ["MINDFORCE_COMMANDS"]).resolve()
    others = [
        folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder).resolve() != own
    ]
    real = shutil.which("helm", path=os.pathsep.join(others))
    if real is None:
        print("helm: the function has no layer with helm in it", file=sys.stderr)
        return 1
    return subprocess.call([real, *words])


def _given_chart(wanted: Chart) -> Path | None:
    """The chart in the first folder of charts that has exactly the wanted version."""
    for folder in filter(None, os.environ.get("MINDFORCE_CHARTS", "").split(os.pathsep)):
        archive = Path(folder) / f"{wanted.name}-{wanted.version}.tgz"
        if archive.is_file():
            return archive
        for unpacked in (archive.with_suffix(""), Path(folder) / wanted.name):
            description = unpacked / "Chart.yaml"
            if description.is_file():
                version = str(yaml.safe_load(description.read_text())["version"])
                if not wanted.version or version == wanted.version:
                    return unpacked
    return None


def _with_chart(words: list[str], given: argparse.Namespace, found: Path) -> list[str]:
    kept = list(words)
    # A release may have its chart's name, which comes after it.
    kept[kept.index(given.chart, kept.index(given.release) + 1)] = str(found)
    for option in ("--repo", "--version"):
        if option in kept:
            place = kept.index(option)
            del kept[place : place + 2]
    return kept


def _reachable(repository: str) -> bool:
    url = urllib.parse.urlsplit(repository)
    if not url.hostname:
        return False
    port = url.port or (80 if url.scheme == "http" else 443)
    try:
        socket.create_connection((url.hostname, port), timeout=REACH_SECONDS).close()
    except OSError:
        return False
    return True


def _record(wanted: Chart, given: argparse.Namespace) -> int:
    namespace = given.namespace or "default"
    if given.create_namespace and _kubectl(given, "get", "namespace", namespace, quiet=True):
        created = _kubectl(given, "create", "namespace", namespace)
        if created:
            return created
    values = "\n".join(Path(file).read_text() for file in given.values)
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"helm-release-{given.release}",
            "namespace": namespace,
            "labels": {LABEL: "true"},
        },
        "data": {
            "installed": "false",
            "release": given.release,
            "chart": wanted.name,
            "version": wanted.version,
            "repository": wanted.repository,
            "values": values,
        },
    }
    code = _kubectl(given, "apply", "-f", "-", text=json.dumps(config_map))
    if code == 0:
        print(
            f"{RECORDED}: release {given.release} in {namespace} (chart {wanted.name} "
            f"{wanted.version} of {wanted.repository} cannot be reached)"
        )
    return code


def _recorded(given: argparse.Namespace) -> bool:
    return (
        _kubectl(
            given,
            "get",
            "configmap",
            f"helm-release-{given.release}",
            "--namespace",
            given.namespace or "default",
            quiet=True,
        )
        == 0
    )


def _forget(given: argparse.Namespace) -> int:
    return _kubectl(
        given,
        "delete",
        "configmap",
        f"helm-release-{given.release}",
        "--namespace",
        given.namespace or "default",
    )


def _kubectl(
    given: argparse.Namespace, *words: str, text: str | None = None, quiet: bool = False
) -> int:
    access = ["--kubeconfig", given.kubeconfig] if given.kubeconfig else []
    done = subprocess.run(["kubectl", *words, *access], input=text, text=True, capture_output=True)
    if done.returncode and not quiet:
        print(done.stderr, file=sys.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
