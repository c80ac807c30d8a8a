"""Which backup is restored, and what is said of it before and after."""

import contextlib
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from delivery.process import ROOT
from delivery.restore import main
from delivery.velero import GROUP
from tests.synthesis import Synthesis
from tests.unit.delivery.velero_cluster import VeleroCluster, config_map

# What a namespace gets of its own accord, and what is of another.
ANEW = [config_map("kube-root-ca.crt"), config_map("one", "database")]
Object = dict[str, Any]
Restore = Callable[..., tuple[int, str]]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> VeleroCluster:
    """A cluster that has lost web: the last backup was made an hour later."""
    found = VeleroCluster()
    found.back_up("first", [config_map("one"), config_map("two")], hours=3)
    found.back_up("before", [config_map("one"), config_map("two"), *ANEW], hours=2)
    found.back_up("after", ANEW, hours=0.5)
    monkeypatch.setattr("delivery.velero.httpx.get", found.download)
    monkeypatch.setattr("delivery.restore.connect", lambda _: contextlib.nullcontext(found.cluster))
    return found


@pytest.fixture
def restore(there: VeleroCluster, capsys: pytest.CaptureFixture[str]) -> Restore:
    def restore(*words: str) -> tuple[int, str]:
        code = main([*words])
        assert not [path for path in there.objects if path.startswith(f"{GROUP}/downloadrequests")]
        return code, capsys.readouterr().out

    return restore


def _names(there: VeleroCluster) -> set[str]:
    """What is in web."""
    found = {path.rpartition("/") for path in there.objects}
    return {name for space, _, name in found if space == "api/v1/namespaces/web/configmaps"}


def test_the_newest_is_that_which_holds_something_of_the_namespace(
    there: VeleroCluster, restore: Restore
) -> None:
    code, said = restore()
    assert code == 0
    assert said.splitlines() == [
        "before is 2.0 h old and holds 2 objects of web.",
        "web of before is in web: 3 objects.",
    ]
    assert _names(there) == {"one", "two", "kube-root-ca.crt"}


def test_it_is_said_before_anything_is_restored(
    there: VeleroCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []

    def restoring(made: Object) -> None:
        said.append(capsys.readouterr().out)
        there.restore(made)

    there.restoring = restoring
    assert main([]) == 0
    assert said == ["before is 2.0 h old and holds 2 objects of web.\n"]


def test_a_backup_by_name_is_what_is_restored_and_one_without_anything_is_not(
    there: VeleroCluster, restore: Restore
) -> None:
    code, said = restore("--from=after")
    assert (code, said) == (1, "FAILED: The backup after holds nothing of the namespace 'web'.\n")
    code, said = restore("--namespace=other")
    assert code == 1
    assert said == "FAILED: None of 3 backups holds anything of the namespace 'other'.\n"
    assert _names(there) == set()
    code, said = restore("--from=first")
    assert (code, said.splitlines()[0]) == (0, "first is 3.0 h old and holds 2 objects of web.")


def test_a_backup_that_can_not_be_read_is_named_and_no_older_one_taken(
    there: VeleroCluster, restore: Restore
) -> None:
    there.files["BackupContents/before"] = there.files["BackupContents/before"][:-30]
    code, said = restore()
    assert (code, said[:38]) == (1, "FAILED: The backup before is damaged: ")
    del there.files["BackupContents/before"]
    assert restore() == (
        1,
        "FAILED: BackupContents of before can't be read: the bucket says 404.\n",
    )
    assert _names(there) == set()


@pytest.fixture
def torn(there: VeleroCluster) -> None:
    """A backup after all others that lacks something."""
    there.back_up("torn", [config_map("one")], phase="PartiallyFailed", minutes=6)
    results = {"errors": {"velero": ["The claim data-0 got no snapshot."]}}
    there.files["BackupResults/torn"] = gzip.compress(json.dumps(results).encode())


def test_a_backup_that_is_not_whole_is_restored_by_nobody_who_does_not_say_so(
    there: VeleroCluster, torn: None, restore: Restore
) -> None:
    code, said = restore("--from=torn")
    assert code == 1
    assert "The backup torn is PartiallyFailed, and not whole. Name another" in said
    assert "--partial (PARTIAL=1)" in said
    assert _names(there) == set()
    assert restore()[1].startswith("before is ")


def test_a_backup_that_is_not_whole_is_restored_with_a_word_on_what_it_lacks(
    there: VeleroCluster, torn: None, restore: Restore
) -> None:
    code, said = restore("--partial")
    assert code == 0
    assert said.splitlines() == [
        "torn is 0.1 h old and holds 1 objects of web.",
        "web of torn is in web: 1 objects.",
        "It lacks what the backup lacks: Backup torn is PartiallyFailed: "
        "The claim data-0 got no snapshot.",
    ]
    assert _names(there) == {"one"}


def test_one_that_has_failed_is_never_restored(there: VeleroCluster, restore: Restore) -> None:
    there.back_up("none", [], phase="Failed", hours=1)
    code, said = restore("--from=none", "--partial")
    assert (code, said) == (1, "FAILED: The backup none is Failed, and not whole.\n")
    assert restore("--partial")[1].startswith("before is ")


def test_what_velero_warns_of_is_said(there: VeleroCluster, restore: Restore) -> None:
    def warn(made: Object) -> None:
        there.restore(made)
        made["status"]["warnings"] = 1
        warnings = {"warnings": {"namespaces": {"web": ["one is there, and another."]}}}
        file = gzip.compress(json.dumps(warnings).encode())
        there.files[f"RestoreResults/{made['metadata']['name']}"] = file

    there.restoring = warn
    assert restore()[1].splitlines()[-1] == "1 warnings; Velero says: one is there, and another."


def test_the_password_that_is_brought_to_a_new_region_has_one_place_there(
    synthesis: Synthesis,
) -> None:
    """What docs/restore.md asks CloudFormation for, by its type."""
    kind = "AWS::SecretsManager::Secret"
    assert f"ResourceType=='{kind}'" in (ROOT / "docs" / "restore.md").read_text()
    assert len(synthesis.template("dev", "Backup").resources(kind)) == 1
