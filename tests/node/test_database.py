"""The database's chart on real nodes: its leader moves, and nothing acknowledged is lost."""

from tests.node.charts import DATABASE
from tests.node.failover import ask_to_go, lose_machine
from tests.node.members import Members
from tests.node.standing import Standing

# As `python -m benchmarks failover` has it; here it is only that writes go on.


def test_members_are_on_nodes_of_their_own(production: Standing, members: Members) -> None:
    nodes = {one["spec"]["nodeName"] for one in production.serving(DATABASE)}
    assert len(nodes) == 3


def test_a_leader_that_is_asked_to_go_hands_over_without_a_loss(
    production: Standing, members: Members
) -> None:
    move = ask_to_go(production, members, "asked")
    assert move.new != move.old
    assert not move.lost


def test_a_leader_whose_machine_is_lost_is_replaced_without_a_loss_and_comes_back(
    production: Standing, members: Members
) -> None:
    move = lose_machine(production, members, "lost")
    assert move.new != move.old
    assert not move.lost
