"""Whatever becomes of a drill is told, and nothing of it stays: namespaces, Restore, lease."""

import contextlib
import functools
import gzip
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from delivery import cleared, drill, scope
from delivery.drill import Drill, main
from delivery.lease import LEASES
from delivery.report import Verdict
from tests.synthesis import Synthesis, manifests
from tests.unit.delivery.velero_cluster import CRON_JOB, VeleroCluster, at, config_map

ITEMS = [config_map("one", a="1"), config_map("two", b="2")]
LEASE = f"{LEASES}/{scope.CRON_JOB}"
Object = dict[str, Any]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> VeleroCluster:
    """A cluster with a namespace, a backup of it, and the drill's CronJob."""
    found = VeleroCluster()
    found.back_up("b", ITEMS, minutes=5)
    words = ["--environment=dev", "--namespace=web", "--max-age-hours=1", "--no-data"]
    template = {"spec": {"containers": [{"args": words}]}}
    found.objects[CRON_JOB] = {"spec": {"jobTemplate": {"spec": {"template": template}}}}
    monkeypatch.setattr("delivery.velero.httpx.get", found.download)
    monkeypatch.setattr("delivery.drill.connect", lambda _: contextlib.nullcontext(found.cluster))
    monkeypatch.setattr("boto3.client", lambda _: found.s3)
    return found


@pytest.fixture
def run(there: VeleroCluster) -> Callable[..., Verdict]:
    def run(**more: Any) -> Verdict:
        return Drill(
            cluster=there.cluster,
            s3=there.s3,
            namespaces=["web"],
            max_age_hours=1,
            data=False,
            **more,
        ).run()

    return run


@pytest.fixture
def told(there: VeleroCluster, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Run the command, which fails, and return the one problem that all are told of."""

    def told() -> str:
        assert main(["--environment=dev"]) == 1
        (report,) = there.s3.reports
        (problem,) = report["problems"]
        events = [one for path, one in there.objects.items() if "/events/" in path]
        assert [event["reason"] for event in events] == ["RestoreDrillFailed"]
        assert problem in events[0]["message"]
        assert there.s3.metrics == [0.0]
        assert problem in capsys.readouterr().out
        assert there.left() == set()
        return str(problem)

    return told


def test_a_backup_that_is_whole_passes_and_nothing_is_left(there: VeleroCluster) -> None:
    assert main(["--environment=dev"]) == 0
    assert (there.s3.metrics, there.s3.reports[0]["objects"]) == ([1.0], 2)
    assert there.left() == set()


def test_an_object_that_does_not_come_back_is_named(
    there: VeleroCluster, told: Callable[[], str]
) -> None:
    there.restoring = functools.partial(there.restore, without="two")
    assert told() == "configmaps web/two was not restored."


def test_what_a_drill_that_was_killed_left_is_deleted_first(
    there: VeleroCluster, run: Callable[..., Verdict]
) -> None:
    there.objects["api/v1/namespaces/drill-web"] = {"metadata": {}}
    there.objects["api/v1/namespaces/drill-web/configmaps/one"] = config_map("one", a="of then")
    assert run().problems == []
    assert there.left() == set()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_backup_that_is_cut_off_is_told(
    there: VeleroCluster, told: Callable[[], str], share: float
) -> None:
    body = there.files["BackupContents/b"]
    there.files["BackupContents/b"] = body[: int(len(body) * share)]
    assert told().startswith("The backup b is damaged: ")


def test_what_nobody_thought_of_is_told_too(
    there: VeleroCluster, told: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise TypeError("'NoneType' object is not iterable")

    monkeypatch.setattr("delivery.drill.apart", broken)
    assert told() == "The drill broke: TypeError: 'NoneType' object is not iterable."


def test_why_a_restore_is_partial_is_told_with_what_is_wrong_afterwards(
    there: VeleroCluster, run: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = {"errors": {"namespaces": {"drill-web": ["A webhook refuses it."]}}}

    def stuck(restore: Object) -> None:
        name = restore["metadata"]["name"]
        there.files[f"RestoreResults/{name}"] = gzip.compress(json.dumps(errors).encode())
        restore["status"] = {"phase": "PartiallyFailed", "errors": 1, "warnings": 0}
        monkeypatch.setattr("delivery.cleared._SECONDS", 0.0)
        restore["metadata"]["deletionTimestamp"] = at()

    there.restoring = stuck
    partial, left = run().problems
    assert partial.startswith("Restore drill-")
    assert partial.endswith(" is PartiallyFailed: A webhook refuses it.")
    assert left.startswith(
        "Waited 0 s in vain: apis/velero.io/v1/namespaces/velero/restores/drill-"
    )


def test_a_drill_whose_pod_is_ended_cleans_up_and_tells_it(
    there: VeleroCluster, told: Callable[[], str]
) -> None:
    def end(restore: Object) -> None:
        there.restore(restore)
        os.kill(os.getpid(), signal.SIGTERM)

    there.restoring = end
    before = signal.getsignal(signal.SIGTERM)
    assert told() == "The drill was ended: it was told to end (SIGTERM)."
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_drill_that_takes_too_long_cleans_up_and_says_what_stays(
    there: VeleroCluster, run: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(restore: Object) -> None:
        there.restore(restore)
        restore["status"]["phase"] = "InProgress"

    def end(path: str) -> None:
        """End the restore for want of its namespace: to delete it before holds up all others."""
        restores = [one for name, one in there.objects.items() if "/restores/" in name]
        if path == "api/v1/namespaces/drill-web":
            restores[0]["status"]["phase"] = "PartiallyFailed"
        elif "/restores/" in path:
            assert restores[0]["status"]["phase"] == "PartiallyFailed"

    there.restoring = hang
    there.deleting = end
    assert run(seconds=0.3).problems == ["The drill was ended: it was not done after 0.3 s."]
    assert there.left() == set()

    def stay(restore: Object) -> None:
        hang(restore)
        restore["metadata"]["deletionTimestamp"] = at()

    there.restoring = stay
    monkeypatch.setattr("delivery.cleared.ENDED_SECONDS", 0.0)
    (problem,) = run(seconds=0.3).problems
    assert problem.startswith(
        "The drill was ended: it was not done after 0.3 s, and left something behind: Waited 0 s"
    )


def _lease(**ago: float) -> Object:
    times = {"acquireTime": at(**ago), "renewTime": at(**ago)}
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 3000, **times}
    return {"metadata": {"name": "restore-drill", "uid": "other"}, "spec": spec}


def test_of_two_drills_the_second_leaves_the_first_alone(
    there: VeleroCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    there.objects[LEASE] = _lease(minutes=5)
    there.objects["api/v1/namespaces/drill-web"] = {"metadata": {}}
    assert main(["--environment=dev"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("FAILED: another drill goes on: another has been at it since ")
    assert there.left() == {LEASE, "api/v1/namespaces/drill-web"}
    # Of the backup it knows nothing.
    assert (there.s3.metrics, there.s3.reports) == ([], [])


def test_a_drill_that_was_killed_is_in_nobodys_way_when_its_lease_has_run_out(
    there: VeleroCluster,
) -> None:
    there.objects[LEASE] = _lease(hours=1)
    assert main(["--environment=dev"]) == 0
    assert LEASE not in there.objects


def test_a_lease_that_somebody_else_has_by_now_is_left_to_them(there: VeleroCluster) -> None:
    def overtake(restore: Object) -> None:
        there.restore(restore)
        there.objects[LEASE] = _lease()

    there.restoring = overtake
    assert main(["--environment=dev"]) == 0
    assert there.objects[LEASE]["spec"]["holderIdentity"] == "another"


@pytest.fixture(scope="module")
def chart(synthesis: Synthesis) -> list[Object]:
    found = manifests(synthesis.template("prod", "Workloads"))
    return [item for item in found if item["metadata"]["name"] == scope.CRON_JOB]


def test_a_drill_ends_by_itself_before_its_job_does(chart: list[Object]) -> None:
    (cron,) = (item["spec"] for item in chart if item["kind"] == "CronJob")
    start = 300
    job = cron["jobTemplate"]["spec"]
    assert start + drill.SECONDS + drill.END_SECONDS <= job["activeDeadlineSeconds"]
    pod = job["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= drill.END_SECONDS
    assert cleared.ENDED_SECONDS < drill.END_SECONDS


def test_it_may_hold_its_lease_and_no_other_and_ask_velero_for_errors(chart: list[Object]) -> None:
    (role,) = (item for item in chart if item["kind"] == "Role" and _space(item) == "velero")
    rules = {
        (rule["resources"][0], verb): rule.get("resourceNames")
        for rule in role["rules"]
        for verb in rule["verbs"]
    }
    assert {verb: names for (kind, verb), names in rules.items() if kind == "leases"} == {
        "create": None,
        "get": [scope.CRON_JOB],
        "delete": [scope.CRON_JOB],
    }
    asked = {verb for kind, verb in rules if kind == "downloadrequests"}
    assert asked == {"create", "get", "delete"}


def _space(item: Object) -> str:
    return str(item["metadata"]["namespace"])
