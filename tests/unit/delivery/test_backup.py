"""What a backup of now is asked to hold, and what is said of it."""

from typing import Any

import pytest

from delivery import backup, velero
from delivery.cluster import Object

MOVED = {"snapshotVolumes": True, "snapshotMoveData": True, "hooks": {"resources": ["one"]}}


class Cluster:
    """A cluster whose daily schedule says this, and whose backups are whole at once."""

    def __init__(self, template: Object | None) -> None:
        self._template = template
        self.made: Object = {}

    def find(self, path: str) -> Any:
        if path.endswith("/backupstoragelocations/default"):
            return {"status": {"phase": "Available"}}
        if path.endswith("/schedules/daily"):
            return self._template and {"spec": {"template": self._template}}
        return {}

    def create(self, path: str, item: Object) -> None:
        assert path == f"{velero.GROUP}/backups"
        status = {
            "phase": "Completed",
            "expiration": "2026-12-01T00:00:00Z",
            "progress": {"itemsBackedUp": 7},
        }
        self.made = {**item, "status": status}

    def get(self, path: str) -> Object:
        return self.made


def _made(template: Object | None, *namespaces: str, volumes: bool = True) -> Object:
    cluster = Cluster(template)
    return backup.backup(
        cluster,  # type: ignore[arg-type]
        "one",
        namespaces or ("*",),
        volumes=volumes,
    )


@pytest.mark.parametrize("template", [None, {}, {"excludedNamespaces": ["velero"]}])
def test_a_backup_of_everything_leaves_out_what_velero_keeps(template: Object | None) -> None:
    """With it, no volume that was moved could be restored."""
    assert _made(template)["spec"]["excludedNamespaces"] == ["velero"]
    assert "excludedNamespaces" not in _made(template, "web")["spec"]


def test_what_else_is_left_out_is_as_in_the_daily_schedule() -> None:
    template = {"excludedNamespaces": ["velero", "drill-web"]}
    assert _made(template)["spec"]["excludedNamespaces"] == ["velero", "drill-web"]


@pytest.mark.parametrize("template", [None, {}, {"excludedResources": list(velero.DERIVED)}])
def test_no_backup_holds_what_acts_on_pods_of_another_namespace(template: Object | None) -> None:
    for namespaces in ((), ("web",)):
        assert _made(template, *namespaces)["spec"]["excludedResources"] == list(velero.DERIVED)


def test_volumes_are_held_as_the_table_says_unless_nothing_of_them_is_wanted() -> None:
    whole, less = _made(MOVED), _made(MOVED, volumes=False)
    assert MOVED.items() <= whole["spec"].items()
    assert less["spec"]["snapshotVolumes"] is False
    assert not {"snapshotMoveData", "hooks"} & set(less["spec"])
    said = "Backup one holds 7 objects, until 2026-12-01T00:00:00Z"
    assert backup.told(whole) == f"{said}."
    assert backup.told(less) == f"{said}; it holds nothing of volumes."
