"""Where a build works: a folder of its own, and tools that it can't spoil."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.install import LOCKS, STAMP, VENV
from local.paths import ROOT, cache
from local.rehearsal.context import Context

_KEPT = ("JSII_", "PIP_", "NPM_CONFIG_", "npm_config_", "SSL_", "REQUESTS_CA", "NODE_EXTRA")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def prepare(folder: Path, tools: Path) -> dict[str, str]:
    """Return an environment in which installing anything touches nothing but these folders."""
    home, overlay = folder / "home", folder / "venv"
    for made in (home, folder / "tmp", tools):
        made.mkdir(parents=True, exist_ok=True)
    # What is installed in the clone is there without being fetched again; more goes on top.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", overlay], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    installed = VENV / "lib" / version / "site-packages"
    (overlay / "lib" / version / "site-packages" / "clone.pth").write_text(f"{installed}\n")
    for program in ("node", "npm", "npx"):
        (overlay / "bin" / program).symlink_to(VENV / "bin" / program)
    path = [overlay / "bin", tools / "bin", "/usr/local/bin", "/usr/bin", "/bin"]
    kept = {
        key: value for key, value in os.environ.items() if key.startswith(_KEPT) or key in _PROXIES
    }
    return {
        **kept,
        "PATH": os.pathsep.join(map(str, path)),
        "HOME": str(home),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        # `npm install -g` of a pinned version is the same in every run.
        "npm_config_prefix": str(tools),
        "npm_config_cache": str(tools / "cache"),
        "npm_config_prefer_offline": "true",
        "npm_config_update_notifier": "false",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        # The CDK CLI asks the password file for its home.
        "CDK_HOME": str(home / ".cdk"),
    }


def lend_packages(context: Context, source: Path) -> Mapping[str, str]:
    """Let a clone whose locks are ours use what is installed here, and say so.

    Returns what its environment then needs.
    """
    if not all((source / name).exists() for name in LOCKS):
        return {}
    if any((source / name).read_bytes() != (ROOT / name).read_bytes() for name in LOCKS):
        context.deviate("Builds: packages were installed, because a lock differs from the clone's.")
        return {}
    for name in (VENV.name, "node_modules"):
        (source / name).symlink_to(ROOT / name)
    for name in LOCKS:
        # Older than what was installed for them, or make would install again.
        at = STAMP.stat().st_mtime - 1
        os.utime(source / name, (at, at))
    context.deviate("Builds: packages are those installed in this clone, whose locks are the same.")
    return {
        # The library of constructs/ is installed as a link to the clone's own.
        "PYTHONPATH": str(source / "constructs"),
        # It goes by what files hold; the first look at all of them takes a minute.
        "MYPY_CACHE_DIR": str(cache() / "mypy"),
    }


def compare_runtimes(context: Context, wanted: Mapping[str, str]) -> None:
    """Say which runtimes are not those that CodeBuild's image would give."""
    node = [str(VENV / "bin" / "node"), "--version"]
    said = subprocess.run(node, capture_output=True, text=True).stdout
    here = {"python": platform.python_version(), "nodejs": said.strip().lstrip("v")}
    for name, version in wanted.items():
        if not f"{here.get(name, '')}.".startswith(f"{version}."):
            context.deviate(f"Builds: {name} is {here.get(name, 'missing')}, not {version}.")
