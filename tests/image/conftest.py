"""The images, built once a session and kept with their layers in the user's cache."""

import os
import random
from collections.abc import Iterator, Sequence

import pytest

from delivery.process import ROOT, wait_for
from local.kubernetes.control_plane import ControlPlane
from local.paths import cache
from local.tools import build
from tests.image.cluster import MEMBERS, SECONDS, Cluster
from tests.image.images import Image, Images, lacking
from tests.image.kubernetes import Kubernetes
from tests.image.member import Member, standing
from tests.image.patroni import Database
from tests.image.repository import STANZA, Repository
from tests.local_aws.conftest import serving
from tests.local_aws.support import ACCOUNT, Account


@pytest.fixture(scope="session")
def images() -> Images:
    if reason := lacking():
        # `make image-test` asks for these tests, `make test` for what can be run here.
        (pytest.fail if "REQUIRE_IMAGES" in os.environ else pytest.skip)(reason)
    return Images(cache() / "image-test")


@pytest.fixture(scope="session")
def web(images: Images) -> Iterator[Image]:
    image = images.build(ROOT, "mindforce-web")
    yield image
    image.close()


@pytest.fixture(scope="session")
def database(images: Images) -> Iterator[Image]:
    image = images.build(ROOT / "images" / "database", "mindforce-database")
    yield image
    image.close()


@pytest.fixture(scope="session")
def drill(images: Images) -> Iterator[Image]:
    image = images.drill()
    yield image
    image.close()


@pytest.fixture(scope="session")
def kubernetes(database: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    plane = ControlPlane(tmp_path_factory.mktemp("kubernetes"), build.ensure(cache(), print))
    try:
        # Service accounts' tokens are the API server's own: nothing is asked of a webhook.
        plane.start(token_webhook_url="http://127.0.0.1:9/")
        yield Kubernetes(plane, tmp_path_factory.mktemp("account") / "patroni")
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def addresses() -> Sequence[str]:
    """Loopback addresses of a test run's own, so that ports can be those of production."""
    network = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}"
    return [f"{network}.{number + 1}" for number in range(MEMBERS + 2)]


@pytest.fixture(scope="session")
def repository(
    kubernetes: Kubernetes, addresses: Sequence[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("repository")
    with serving(tmp_path_factory.mktemp("aws"), folder) as server:
        made = Repository(Account(server, ACCOUNT), kubernetes, folder)
        with made.served(addresses[-1]):
            yield made


@pytest.fixture(scope="session")
def cluster(
    database: Image,
    kubernetes: Kubernetes,
    repository: Repository,
    addresses: Sequence[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("database")
    made = Cluster(Database(database, kubernetes, repository, folder, addresses[:-1]), kubernetes)
    try:
        for number in range(MEMBERS):
            made.start(number)
        made.sql(f"CREATE ROLE app LOGIN PASSWORD '{made.database.password}'")
        made.sql("GRANT CREATE ON DATABASE postgres TO app; GRANT CREATE ON SCHEMA public TO app")
        leader = made[made.leader]
        done = leader.exec("pgbackrest", f"--stanza={STANZA}", "stanza-create")
        assert done.returncode == 0, done.stdout + done.stderr
        wait_for(made.whole, SECONDS)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def member(
    database: Image,
    kubernetes: Kubernetes,
    repository: Repository,
    addresses: Sequence[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Member]:
    """The database as its chart makes it, alone, at an address that tests share a machine by."""
    address = f"{addresses[0].rpartition('.')[0]}.200"
    folder = tmp_path_factory.mktemp("chart")
    with standing(database, kubernetes, repository, address, folder) as made:
        yield made
