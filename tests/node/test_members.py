"""What the database's members may do, asked of the API server."""

from local.kubernetes.errors import ControlPlaneError
from tests.node.charts import DATABASE
from tests.node.standing import Standing


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
