"""How long the database takes no writes when its leader goes, on real nodes (Linux, root)."""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure
from delivery.process import wait_for
from tests.node.cluster import SECONDS
from tests.node.failover import ask_to_go, lose_machine
from tests.node.members import Members
from tests.node.standing import lacking, standing

ASKED = 3
LOST = 2


def failover() -> Iterator[Figure]:
    """Yield the worst of several moves of the leader, and the acknowledged rows that they cost."""
    if reason := lacking():
        print(f"Fail-over isn't measured. {reason}")
        return
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder)) as stands:
        members = Members(stands)
        lost = 0
        for move, times, name, limit in (
            (ask_to_go, ASKED, "the leader's pod is deleted", 10),
            (lose_machine, LOST, "the leader's machine is lost", 30),
        ):
            moves = []
            for number in range(times):
                wait_for(members.whole, SECONDS)
                moves.append(move(stands, members, f"{move.__name__}-{number}"))
            lost += sum(len(one.lost) for one in moves)
            yield Figure(f"{name}: another is writable", max(m.members for m in moves), limit, "s")
            worst = max(one.service for one in moves)
            yield Figure("  and is reached by the primary's Service", worst, math.inf, "s")
            web = max(one.web for one in moves)
            yield Figure("  and all that web is asked to write is written", web, math.inf, "s")
        yield Figure("acknowledged rows lost", lost, 0, "")
