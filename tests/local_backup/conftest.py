"""A dev of its own, whose backups are made, spoilt and restored."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from delivery import velero
from delivery.backup import backup
from delivery.cluster import Cluster, Object, connect
from delivery.drill import Drill
from delivery.report import Verdict
from local import access
from tests.local.machine import Machine, standing
from tests.local_backup.drilled import NAME, derived, objects, remove


@pytest.fixture(scope="package")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Dev, standing for all of this folder's tests; who changes it puts it back."""
    with standing(tmp_path_factory.mktemp("backup")) as machine:
        # One that is due meanwhile would make a backup that no test knows of, and be the newest.
        for schedule in ("hourly", "daily"):
            kind = ("schedules.velero.io", schedule, "--namespace", velero.NAMESPACE)
            machine.kubectl("patch", *kind, "--type=merge", "-p", '{"spec": {"paused": true}}')
        yield machine


@pytest.fixture(scope="module")
def cluster(dev: Machine) -> Iterator[Cluster]:
    """Dev's cluster, reached as commands reach it; AWS clients reach dev's account meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in access.environment(dev.state, dev.target).items():
            patch.setenv(name, value)
        with connect() as found:
            yield found


@pytest.fixture(scope="module")
def held(cluster: Cluster) -> Iterator[dict[str, Object]]:
    """What is in the namespace `drilled`, by path, once it is in a backup.

    There is something derived of it besides, which is in none.
    """
    remove(cluster, NAME)
    cluster.create("api/v1/namespaces", {"metadata": {"name": NAME}})
    made = [(path, cluster.create(path, item)) for path, item in objects()]
    for path, item in derived():
        cluster.create(path, item)
    backup(cluster, f"first-{velero.stamp()}", [NAME], keep_hours=12)
    yield {f"{path}/{item['metadata']['name']}": item for path, item in made}
    remove(cluster, NAME)


@pytest.fixture
def newest(cluster: Cluster, held: object) -> str:
    """The name of its newest backup."""
    name: str = velero.newest(cluster, holding=[NAME])["metadata"]["name"]
    return name


@pytest.fixture
def drill(cluster: Cluster, dev: Machine, held: object) -> Callable[..., Verdict]:
    """Drill its newest backup, today or at another time."""

    def drill(now: datetime | None = None) -> Verdict:
        return Drill(
            cluster=cluster,
            s3=dev.client("s3"),
            namespaces=[NAME],
            max_age_hours=1,
            data=False,
            now=now or datetime.now(UTC),
        ).run()

    return drill
