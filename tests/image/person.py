"""A person at a shell with a page of docs/, whose commands reach members that no kubelet runs."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from delivery.process import ROOT
from local.kubernetes.control_plane import ControlPlane
from tests.image.member import Member
from tests.local_aws.support import REGION, Account

_SECONDS = 180
# `exec` enters a member of this machine; all else is the real kubectl's. A flag that isn't known
# here fails.
_KUBECTL = """#!{python}
import argparse, json, os, sys

words = sys.argv[1:]
if words[0] != "exec":
    os.execv("{kubectl}", ["kubectl", "--kubeconfig={kubeconfig}", *words])
at = words.index("--")
parser = argparse.ArgumentParser("kubectl exec")
parser.add_argument("--namespace", required=True, choices=["database"])
parser.add_argument("--stdin", action="store_true")
parser.add_argument("pod")
given = parser.parse_args(words[1:at])
member = json.load(open("{members}"))[given.pod.removeprefix("pod/")]
if not given.stdin:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.execvpe("nsenter", [*member["entering"], *words[at + 1 :]], member["env"])
"""
# The two words of `aws s3` that pages say.
_AWS = """#!{python}
import shutil, sys
import boto3

_, verb, address, *rest = sys.argv[1:]
bucket, _, key = address.removeprefix("s3://").partition("/")
s3 = boto3.client("s3")
if (verb, rest) == ("ls", []):
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key, Delimiter="/")
    print(*(one["Prefix"] for one in found["CommonPrefixes"]), sep="\\n")
elif (verb, rest) == ("cp", ["-"]):
    shutil.copyfileobj(s3.get_object(Bucket=bucket, Key=key)["Body"], sys.stdout.buffer)
else:
    sys.exit("What is that? " + " ".join(sys.argv))
"""


class Person:
    """Says what a page says, and keeps the shell's variables as the page asks for it."""

    def __init__(self, page: str, plane: ControlPlane, account: Account, folder: Path) -> None:
        self._text = (ROOT / page).read_text()
        self._folder = folder
        self._variables = folder / "variables"
        self._variables.touch()
        programs = folder / "bin"
        programs.mkdir()
        names = {
            "python": sys.executable,
            "kubectl": plane.tools / "kubectl",
            "kubeconfig": plane.admin_kubeconfig,
            "members": folder / "members.json",
        }
        for program, text in (("kubectl", _KUBECTL), ("aws", _AWS)):
            for name, value in names.items():
                text = text.replace(f"{{{name}}}", str(value))
            (programs / program).write_text(text)
            (programs / program).chmod(0o755)
        self._environment = {
            "PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": account.key,
            "AWS_SECRET_ACCESS_KEY": account.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": account.server.endpoint,
        }

    def reach(self, members: Sequence[Member]) -> None:
        """Have `kubectl exec` lead to members as they run now."""
        known = {
            one.name: {"entering": one.container.entering, "env": dict(one.container.env)}
            for one in members
        }
        (self._folder / "members.json").write_text(json.dumps(known))

    def blocks(self, heading: str) -> list[str]:
        """The blocks of commands below a heading, up to the next."""
        found = re.split(r"^#+ (.*)\n", self._text, flags=re.MULTILINE)
        below = dict(zip(found[1::2], found[2::2], strict=True))[heading]
        blocks = re.findall(r"^ *```console\n.*?^ *```", below, re.MULTILINE | re.DOTALL)
        return [textwrap.dedent(one).split("\n", 1)[1].rsplit("\n", 1)[0] for one in blocks]

    def say(self, commands: str, given: Mapping[str, str] | None = None) -> str:
        """Say commands, with values of one's own for the variables that the page makes up."""
        for name, value in (given or {}).items():
            ours = f"{name}='{value}'"
            commands, number = re.subn(rf"^{name}=.*$", ours, commands, flags=re.MULTILINE)
            assert number == 1, f"{name} in:\n{commands}"
        names = " ".join(re.findall(r"^(\w+)=", commands, re.MULTILINE))
        keep = f"declare -p {names} >> {self._variables}" if names else ""
        # A page is said line by line: a command that fails ends it.
        script = f"set -eo pipefail; source {self._variables}\n{commands}\n{keep}\n"
        done = subprocess.run(
            ["bash", "-c", script],
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{commands}\n{said}"
        return said
