"""What the README promises of backups, by the very commands."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from delivery.cluster import Cluster
from local.paths import ROOT
from tests.local.machine import eventually

NAME = "kept"
SPACE = f"api/v1/namespaces/{NAME}"

Make = Callable[..., str]


@pytest.fixture
def make(cluster: Cluster) -> Make:
    """Run make where KUBECONFIG and AWS credentials lead to dev; return what it says."""

    def run(*words: str, fails: bool = False) -> str:
        command = [shutil.which("make") or "make", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300
        )
        assert bool(done.returncode) is fails, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[None]:
    cluster.create("api/v1/namespaces", {"metadata": {"name": NAME}})
    cluster.create(f"{SPACE}/configmaps", {"metadata": {"name": "one"}, "data": {"a": "1"}})
    yield
    cluster.delete(SPACE)


def test_a_namespace_is_backed_up_lost_restored_and_drilled(
    cluster: Cluster, make: Make, namespace: None
) -> None:
    assert re.match(r"Backup manual-\S+ holds \d{3,} objects, until ", make("backup"))
    assert "The namespace 'kept' exists." in make("restore", f"NAMESPACE={NAME}", fails=True)
    cluster.delete(SPACE)
    eventually(lambda: cluster.find(SPACE) is None)
    assert re.match(rf"{NAME} of manual-\S+ is in {NAME}: ", make("restore", f"NAMESPACE={NAME}"))
    assert cluster.get(f"{SPACE}/configmaps/one")["data"] == {"a": "1"}
    last = make("drill", "DATA=0").splitlines()[-2]
    assert re.match(r"PASSED: backup manual-\S+, \d\d+ objects, rows not compared, ", last)
