"""What the drill's account may ask of Velero, as the API server judges it."""

from collections.abc import Iterator
from typing import Any

import pytest

from delivery import velero
from delivery.backup import backup
from delivery.changes import CONFIG_MAPS
from delivery.cluster import Cluster, ClusterError, Object, connect
from delivery.drill import Drill
from k8s.restore_drill import MODIFIER, NAME
from tests.local.machine import Machine
from tests.local_backup.pods import identity

SPACES = ("web", "database")
RESTORE = {
    "backupName": "one",
    "includedNamespaces": list(SPACES),
    "namespaceMapping": {name: f"drill-{name}" for name in SPACES},
    "includeClusterResources": False,
    "existingResourcePolicy": "none",
    "resourceModifier": {"kind": "ConfigMap", "name": MODIFIER},
}
ELSEWHERE = "A drill restores web into drill-web, database into drill-database, and nothing else."
OVER = "A drill changes nothing that is there: existingResourcePolicy must be none."
CLUSTER = "A drill restores nothing outside of namespaces: includeClusterResources must be false."
CHANGES = f"A drill changes what it restores by the ConfigMap {MODIFIER}."
HOOK = {"name": "one", "postHooks": [{"exec": {"command": ["true"]}}]}


@pytest.fixture(scope="module")
def account(dev: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster as the drill's account sees it."""
    with connect(identity(dev, NAME, tmp_path_factory.mktemp(NAME)).kubeconfig) as found:
        yield found


def _ask(cluster: Cluster, changes: Object) -> None:
    """Have a Restore judged, and not made; None takes a field away."""
    spec = {name: value for name, value in {**RESTORE, **changes}.items() if value is not None}
    body = {
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {"name": "one", "namespace": velero.NAMESPACE},
        "spec": spec,
    }
    cluster.create(f"{velero.GROUP}/restores?dryRun=All", body)


def test_the_drill_passes_as_its_account(dev: Machine, cluster: Cluster, account: Cluster) -> None:
    backup(cluster, f"judged-{velero.stamp()}", SPACES, keep_hours=1)
    s3 = dev.client("s3")
    drill = Drill(cluster=account, s3=s3, namespaces=SPACES, max_age_hours=1, data=False)
    assert drill.run().problems == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"existingResourcePolicy": None},
        {"includedNamespaces": ["web"], "namespaceMapping": {"web": "drill-web"}},
    ],
)
def test_a_restore_of_a_drill_is_let_through(account: Cluster, changes: Object) -> None:
    _ask(account, changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"namespaceMapping": None}, ELSEWHERE),
        ({"namespaceMapping": {"web": "drill-web"}}, ELSEWHERE),
        ({"namespaceMapping": {"web": "drill-web", "database": "web"}}, ELSEWHERE),
        ({"includedNamespaces": None}, ELSEWHERE),
        ({"includedNamespaces": []}, ELSEWHERE),
        ({"includedNamespaces": ["*"], "namespaceMapping": {"*": "drill-*"}}, ELSEWHERE),
        (
            {
                "includedNamespaces": ["kube-system"],
                "namespaceMapping": {"kube-system": "drill-kube-system"},
            },
            ELSEWHERE,
        ),
        ({"existingResourcePolicy": "update"}, OVER),
        ({"includeClusterResources": True}, CLUSTER),
        ({"includeClusterResources": None}, CLUSTER),
        ({"resourceModifier": None}, CHANGES),
        ({"resourceModifier": {"kind": "ConfigMap", "name": "another"}}, CHANGES),
        ({"hooks": {"resources": [HOOK]}}, "A drill runs nothing: a Restore of it has no hooks."),
    ],
)
def test_any_other_restore_of_its_account_is_refused(
    account: Cluster, cluster: Cluster, changes: Object, said: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        _ask(account, changes)
    assert "ValidatingAdmissionPolicy 'restore-drill'" in str(refused.value)
    assert str(refused.value).endswith(said)
    # People are held to their own rights only.
    _ask(cluster, changes)


def test_its_account_makes_no_config_map_but_its_own(account: Cluster) -> None:
    def make(**metadata: Any) -> None:
        account.create(f"{CONFIG_MAPS}?dryRun=All", {"metadata": metadata})

    make(name=MODIFIER)
    for metadata in ({"name": "velero-plugins"}, {"generateName": MODIFIER}):
        with pytest.raises(ClusterError, match=f"A drill makes no ConfigMap but {MODIFIER}\\.$"):
            make(**metadata)
