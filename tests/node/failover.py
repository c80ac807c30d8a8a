"""How long writes stop while the database's leader moves, and what of them is kept."""

import time
from collections.abc import Callable, Set
from dataclasses import dataclass

from delivery.process import wait_for
from tests.node.charts import DATABASE, WEB
from tests.node.clients import Visitor, Writer
from tests.node.cluster import SECONDS, Manifest
from tests.node.members import Members
from tests.node.standing import Standing

CALM_SECONDS = 10.0


@dataclass(frozen=True)
class Move:
    """What a move of the leader cost, in seconds until another acknowledged a row."""

    members: float
    """For a client that asks all members who leads."""
    service: float
    """For one that comes through the primary's Service."""
    web: float
    """Until the web pods that stayed could write at each request."""
    lost: Set[object]
    """Rows that were acknowledged, and aren't there."""
    old: str
    new: str


def ask_to_go(standing: Standing, members: Members, name: str) -> Move:
    """Delete the leader's pod, as a drained node or a roll-out does."""

    def go(leader: Manifest) -> None:
        pod = leader["metadata"]["name"]
        standing.cluster.plane.kubectl("-n", DATABASE, "delete", "pod", pod, "--wait=false")

    return _move(standing, members, name, go, lambda _: None)


def lose_machine(standing: Standing, members: Members, name: str) -> Move:
    """Kill the leader's machine with its kubelet, and switch it on again afterwards."""

    def come_back(leader: Manifest) -> None:
        # What still leads to the lost one shows in a request now and then that fails.
        time.sleep(CALM_SECONDS)
        standing.cluster.recover(leader["spec"]["nodeName"])

    def go(leader: Manifest) -> None:
        standing.cluster.lose(leader["spec"]["nodeName"])

    return _move(standing, members, name, go, come_back)


def _move(
    standing: Standing,
    members: Members,
    name: str,
    go: Callable[[Manifest], None],
    come_back: Callable[[Manifest], None],
) -> Move:
    """Move the leader while clients write, until all members are there again."""
    leader = members.leader()
    direct, by = Writer(members, name), Writer(members, f"{name}-service", by_service=True)
    pods = standing.serving(WEB)
    stay = [one for one in pods if one["spec"]["nodeName"] != leader["spec"]["nodeName"]]
    visitor = Visitor([one["status"]["podIP"] for one in stay])
    with direct, by, visitor.going_on():
        direct.progresses()
        by.progresses()
        since = time.monotonic()
        go(leader)
        address = leader["status"]["podIP"]
        found = [one.seconds_to_another(since, address) for one in (direct, by)]
        new = members.leader()
        # Nobody is led to the old one, though its pod still counts as ready when it is lost.
        wait_for(lambda: members.behind_service() == {new["metadata"]["name"]}, 15)
        come_back(leader)
        wait_for(members.whole, SECONDS)
        direct.progresses()
        by.progresses()
    return Move(
        members=found[0],
        service=found[1],
        web=visitor.seconds_until_all_is_well(since),
        lost=direct.lost | by.lost,
        old=leader["metadata"]["name"],
        new=new["metadata"]["name"],
    )
