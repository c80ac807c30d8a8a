"""The database's members, as Kubernetes and they themselves see them."""

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress

import httpx
import psycopg

from k8s.database_settings import API_PORT
from tests.node.charts import DATABASE
from tests.node.cluster import Manifest
from tests.node.standing import Standing

_LABEL = {"app.kubernetes.io/name": "database"}
TABLE = "acknowledged"


class Members:
    """The database's members, as Kubernetes and PostgreSQL see them."""

    def __init__(self, standing: Standing) -> None:
        self._cluster = standing.cluster
        self._password = standing.password
        with self.connect() as connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (writer text, number int)")

    @property
    def addresses(self) -> Sequence[str]:
        found = self._cluster.pods(DATABASE, **_LABEL)
        return [one["status"]["podIP"] for one in found if one["status"].get("podIP")]

    @property
    def service(self) -> str:
        """The address of the primary's Service."""
        return self._cluster.address("database", DATABASE)

    def behind_service(self) -> Set[str]:
        """The names of the pods that the primary's Service leads to."""
        slices = self._cluster.items(
            f"apis/discovery.k8s.io/v1/namespaces/{DATABASE}/endpointslices",
            labelSelector="kubernetes.io/service-name=database",
        )
        ends = [end for one in slices for end in one.get("endpoints") or ()]
        return {end["targetRef"]["name"] for end in ends if end["conditions"]["ready"]}

    def leader(self) -> Manifest:
        """The pod whose member holds the leader's lock."""
        name = self._recorded("leader")["leader"]
        return self._cluster.plane.client.get(f"api/v1/namespaces/{DATABASE}/pods/{name}")

    def whole(self, number: int = 3) -> bool:
        """Whether all others follow the leader, and one of them is known to have all it has."""
        leader, sync = self._recorded("leader").get("leader"), self._recorded("sync")
        # What Kubernetes knows of a machine that is lost is old: members are asked themselves.
        states = sorted(map(_state, self.addresses))
        following = states == ["running", *["streaming"] * (number - 1)]
        known = bool(sync.get("sync_standby")) is (number > 1)
        return following and known and sync.get("leader") == leader

    def pods(self) -> Mapping[str, str]:
        """What tells each member's pod from any other of its name."""
        found = [one["metadata"] for one in self._cluster.pods(DATABASE, **_LABEL)]
        return {one["name"]: one["uid"] for one in found}

    def connect(self, *hosts: str) -> psycopg.Connection[tuple[object, ...]]:
        """Connect to the one of `hosts` that takes writes, or else through the Service."""
        named = ",".join(hosts or [self.service])
        return psycopg.connect(
            f"host={named} user=app dbname=app sslmode=require target_session_attrs=read-write "
            # A machine that is lost doesn't answer: that it is gone, only time can tell.
            "connect_timeout=2 tcp_user_timeout=2000",
            password=self._password,
            autocommit=True,
        )

    def _recorded(self, what: str) -> Mapping[str, str]:
        """What Patroni has written down of the leader, or of who may follow it."""
        path = f"api/v1/namespaces/{DATABASE}/configmaps/database-{what}"
        found = self._cluster.plane.client.find(path) or {}
        written: Mapping[str, str] = found.get("metadata", {}).get("annotations", {})
        return written

    def kept(self, writer: str) -> Set[object]:
        with self.connect() as connection:
            found = connection.execute(f"SELECT number FROM {TABLE} WHERE writer = %s", [writer])
            return {one[0] for one in found}


def _state(address: str) -> str:
    """What a member says of itself; nothing when it doesn't answer."""
    with suppress(httpx.HTTPError):
        said = httpx.get(f"http://{address}:{API_PORT}/patroni", timeout=2).json()
        return str(said.get("replication_state") or said["state"])
    return ""
