"""The database's members come, go and change on real nodes, and clients go on writing."""

import copy

import pytest

from delivery.process import wait_for
from local.kubernetes.errors import ControlPlaneError
from tests.node.charts import DATABASE, with_spec
from tests.node.clients import Writer
from tests.node.cluster import SECONDS, Manifest
from tests.node.machine import PAUSE_IMAGE
from tests.node.members import Members
from tests.node.standing import Standing


@pytest.fixture
def chart(production: Standing) -> list[Manifest]:
    return production.charts.part("Namespace", DATABASE)


def test_members_come_and_go_without_a_loss_when_that_is_rolled_back_too(
    production: Standing, members: Members, chart: list[Manifest]
) -> None:
    pods = production.serving(DATABASE)
    (last,) = (one for one in pods if one["metadata"]["name"] == "database-2")

    def become(number: int) -> None:
        production.cluster.apply(with_spec(chart, "StatefulSet", replicas=number))
        wait_for(lambda: members.whole(number), SECONDS)
        writer.progresses()

    with Writer(members, "resized") as writer:
        writer.progresses()
        try:
            # As docs/change-members.md says: each hands over what it has to.
            become(2)
            become(1)
            first = members.pods()
            assert list(first) == ["database-0"]
            # One comes with nothing, the other with what it had.
            production.cluster.empty(last["spec"]["nodeName"])
            become(3)
            # Both at once, as a deploy does that is rolled back.
            become(1)
        finally:
            become(3)
    assert members.leader()["metadata"]["uid"] == first["database-0"]
    assert not writer.lost


def test_an_image_that_doesn_t_start_stops_at_the_first_member(
    production: Standing, members: Members, chart: list[Manifest]
) -> None:
    before = members.pods()

    def broken() -> bool:
        """Whether a new pod has been started in vain more than once."""
        found = production.cluster.items(f"api/v1/namespaces/{DATABASE}/pods")
        return any(
            status["restartCount"] > 1
            for one in found
            if one["metadata"]["uid"] not in before.values()
            for status in one["status"].get("containerStatuses", ())
        )

    with Writer(members, "broken") as writer:
        writer.progresses()
        try:
            production.cluster.apply(with_spec(chart, "StatefulSet", image=PAUSE_IMAGE))
            wait_for(broken, SECONDS)
            writer.progresses()
            now = members.pods()
            assert [name for name in before if now[name] != before[name]] == ["database-2"]
        finally:
            production.cluster.apply(chart)
            wait_for(members.whole, SECONDS)
        writer.progresses()
    assert not writer.lost


def test_larger_volumes_restart_no_member_there_and_back(
    production: Standing, members: Members, chart: list[Manifest]
) -> None:
    (stateful,) = (one for one in chart if one["kind"] == "StatefulSet")
    (claim,) = stateful["spec"]["volumeClaimTemplates"]
    larger = copy.deepcopy(claim)
    larger["spec"]["resources"]["requests"]["storage"] = "100Gi"
    before = members.pods()
    for wanted in (larger, claim):
        changed = with_spec(chart, "StatefulSet", volumeClaimTemplates=[wanted])
        with pytest.raises(ControlPlaneError, match="updates to statefulset spec"):
            production.cluster.apply(changed)
        # As docs/grow-volumes.md says, of a deploy that is rolled back, too.
        words = ("delete", "statefulset", "database", "--cascade=orphan")
        production.cluster.plane.kubectl("--namespace", DATABASE, *words)
        production.cluster.apply(changed)
        production.cluster.rolled_out("statefulset", "database", DATABASE)
        assert members.pods() == before


def test_members_may_change_their_election_and_nothing_else(production: Standing) -> None:
    account = f"--as=system:serviceaccount:{DATABASE}:database"

    def may(*question: str) -> bool:
        try:
            production.cluster.plane.kubectl(
                "--namespace", DATABASE, "auth", "can-i", *question, account
            )
        except ControlPlaneError:
            return False
        return True

    assert may("patch", "configmaps/database-leader")
    assert may("patch", "pods/database-0")
    for question in (
        ("patch", "configmaps/database-settings"),
        ("update", "configmaps/database-leader"),
        ("patch", "pods/database-backup-full-1"),
        ("get", "secrets"),
    ):
        assert not may(*question), question
