"""What the README promises of backups, by the very commands."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from delivery import velero
from delivery.cluster import Cluster
from k8s.velero import Hook
from local.paths import ROOT
from tests.local.machine import Machine, eventually
from tests.local_backup.drilled import remove

NAME, OTHER = "kept", "kept-again"
SPACE = f"api/v1/namespaces/{NAME}"

Make = Callable[..., str]


def _make(*words: str, env: dict[str, str], fails: bool = False) -> str:
    """Run make; return what it says."""
    command = [shutil.which("make") or "make", *words]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert bool(done.returncode) is fails, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def make(cluster: Cluster) -> Make:
    """Run make where KUBECONFIG and AWS credentials lead to dev."""
    return lambda *words, **more: _make(*words, env=dict(os.environ), **more)


@pytest.fixture
def make_here(dev: Machine) -> Make:
    """Run make with nothing but the folder of what stands on this machine."""
    ours = ("AWS_", "KUBECONFIG")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return lambda *words, **more: _make(f"STATE={dev.state.folder}", *words, env=env, **more)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[None]:
    cluster.create("api/v1/namespaces", {"metadata": {"name": NAME}})
    cluster.create(f"{SPACE}/configmaps", {"metadata": {"name": "one"}, "data": {"a": "1"}})
    yield
    for name in (NAME, OTHER):
        remove(cluster, name)


def test_web_is_backed_up_lost_restored_and_drilled(cluster: Cluster, make_here: Make) -> None:
    path = "apis/apps/v1/namespaces/web/deployments/web"
    wanted = cluster.get(path)["spec"]["replicas"]
    (name,) = re.findall(r"^Backup (manual-\S+) holds \d{3,} objects, until ", make_here("backup"))
    # With its Ingress, whose controller lets it go once there is no load balancer any more.
    remove(cluster, "web")
    # A backup that is made after the loss is the newest, and whole, and no use.
    assert name not in make_here("backup")
    first, last = make_here("restore").splitlines()[:2]
    assert re.fullmatch(rf"{name} is 0\.\d h old and holds \d\d+ objects of web\.", first)
    assert re.fullmatch(rf"web of {name} is in web: \d\d+ objects\.", last)

    def serves() -> bool:
        return bool(cluster.get(path).get("status", {}).get("readyReplicas") == wanted)

    eventually(serves)
    ingress = "apis/networking.k8s.io/v1/namespaces/web/ingresses/web"
    eventually(lambda: cluster.get(ingress)["status"].get("loadBalancer", {}).get("ingress"))
    make_here("backup")
    passed, unpublished = make_here("drill").splitlines()[-2:]
    assert re.match(r"PASSED: backup manual-\S+, \d\d+ objects, rows not compared, ", passed)
    assert unpublished == (
        "The verdict isn't published: rows were not compared, as the CronJob has it."
    )


def test_a_namespace_is_restored_from_a_backup_by_name_and_into_another(
    cluster: Cluster, make: Make, namespace: None
) -> None:
    (name,) = re.findall(r"Backup (manual-\S+) holds", make("backup"))
    cluster.create(f"{SPACE}/configmaps", {"metadata": {"name": "two"}})
    make("backup")
    assert f"The namespace '{NAME}' exists." in make("restore", f"NAMESPACE={NAME}", fails=True)
    words = (f"NAMESPACE={NAME}", f"FROM={name}")
    assert f"{NAME} of {name} is in {OTHER}: " in make("restore", *words, f"INTO={OTHER}")
    assert cluster.get(f"api/v1/namespaces/{OTHER}/configmaps/one")["data"] == {"a": "1"}
    assert cluster.find(f"api/v1/namespaces/{OTHER}/configmaps/two") is None
    assert "There is no backup 'nowhere'" in make("restore", *words, "FROM=nowhere", fails=True)


def test_what_a_backup_that_is_not_whole_holds_is_restored_when_that_is_said(
    cluster: Cluster, make: Make, namespace: None
) -> None:
    eventually(lambda: cluster.find(f"{SPACE}/serviceaccounts/default"))
    pod = {"containers": [{"name": "one", "image": "example.com/one:1"}]}
    labels = {"app": "one"}
    cluster.create(f"{SPACE}/pods", {"metadata": {"name": "one", "labels": labels}, "spec": pod})
    eventually(lambda: cluster.get(f"{SPACE}/pods/one")["status"]["phase"] == "Running")
    # No command runs in a pod that is simulated.
    hook = Hook(
        name="fails",
        namespace=NAME,
        labels=labels,
        container="one",
        before=["/bin/true"],
        after=["/bin/true"],
    )
    spec = {
        "includedNamespaces": [NAME],
        "storageLocation": velero.LOCATION,
        "ttl": "1h0m0s",
        "hooks": {"resources": [hook.manifest()]},
    }
    name = f"torn-{velero.stamp()}"
    made = velero.run(cluster, "Backup", name, spec, seconds=120)
    assert made["status"]["phase"] == "PartiallyFailed"
    words = (f"NAMESPACE={NAME}", f"INTO={OTHER}", f"FROM={name}")
    assert f"The backup {name} is PartiallyFailed" in make("restore", *words, fails=True)
    said = make("restore", *words, "PARTIAL=1")
    lacking = f"It lacks what the backup lacks: Backup {name} is PartiallyFailed: "
    (line,) = (one for one in said.splitlines() if one.startswith(lacking))
    assert "hook" in line
    assert cluster.get(f"api/v1/namespaces/{OTHER}/configmaps/one")["data"] == {"a": "1"}
