"""The database's chart on the real image: one member, with what the chart mounts."""

import json
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from delivery.process import wait_for
from delivery.restore import ELECTION
from k8s import database_cluster as cluster
from k8s.database import LABELS
from k8s.database_settings import SETTINGS, VERIFIED, files
from k8s.secret_store import FOLDER
from tests.image.cluster import SECONDS
from tests.image.container import Container, Mount, running
from tests.image.images import Image
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.image.patroni import Database
from tests.image.repository import BUCKET, Repository
from tests.local_aws.support import REGION

NAME = "database-0"


class Member:
    """One member as the chart makes it; but at an address that tests share a machine by."""

    container: Container

    def __init__(self, address: str, folder: Path, name: str = NAME) -> None:
        self.name = name
        self.address = address
        self.log = folder / "log"
        self.settings = folder / "settings"
        self.secrets = folder / "secrets"
        self.volume = folder / "volume"
        self.passwords = {name: secrets.token_hex(20) for name in ("app", "dump", "members")}
        self.former: list[str] = []

    def mount(self) -> None:
        """Put the passwords where the Secrets Store's driver puts them."""
        for name, text in self.passwords.items():
            (self.secrets / name).write_text(text)

    def rotate(self) -> None:
        """Mount new passwords, as the driver does once their secrets are new."""
        self.former += self.passwords.values()
        self.passwords = {name: secrets.token_hex(20) for name in self.passwords}
        self.mount()

    def connect(self, user: str, database: str, **options: str) -> psycopg.Connection[Any]:
        given = {"host": self.address, **VERIFIED, **options}
        password = self.passwords.get(user) or self.passwords["members"]
        return psycopg.connect(
            user=user,
            dbname=database,
            password=password,
            connect_timeout=2,
            autocommit=True,
            **given,  # type: ignore[arg-type] # its signature has no place for libpq's words
        )

    def shared(self) -> Any:
        """What members share, as Patroni last saw it: seconds after it was changed."""
        with urllib.request.urlopen(f"http://{self.address}:8008/config", timeout=5) as said:
            return json.load(said)

    def settle(self, wanted: Mapping[str, Any]) -> str:
        """Mount other settings that members share, and return what the start's script says."""
        (self.settings / cluster.FILE).write_text(json.dumps(wanted))
        done = self.container.exec("/bin/sh", f"{SETTINGS}/{cluster.SCRIPT_FILE}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ready(self) -> bool:
        """What the chart's probe asks: false while the first start still makes the archive."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:8008/read-only", timeout=2) as said:
                return bool(said.status == 200)
        except OSError:
            return False


@contextmanager
def standing(
    database: Image, kubernetes: Kubernetes, repository: Repository, address: str, folder: Path
) -> Iterator[Member]:
    """Have the member stand at an address, alone, its first start done."""
    made = Member(address, folder)
    begin(kubernetes)
    with started(made, database, kubernetes, repository):
        try:
            wait_for(made.ready, SECONDS)
        except Exception as error:
            raise AssertionError(made.log.read_text()[-4000:]) from error
        yield made


def begin(kubernetes: Kubernetes) -> None:
    """Have of an election what a restore without volumes leaves: a cluster is begun over it."""
    for name in ELECTION.names:
        kubernetes.config_map(name, ELECTION.labels)


@contextmanager
def started(
    made: Member, database: Image, kubernetes: Kubernetes, repository: Repository
) -> Iterator[None]:
    """Run a member on its volume, which stays when it ends."""
    kubernetes.pod(made.name, "database", database)
    kubernetes.label(made.name, LABELS)
    made.settings.mkdir(exist_ok=True)
    made.secrets.mkdir(exist_ok=True)
    made.mount()
    content = files(
        namespace=NAMESPACE,
        labels=LABELS,
        memory_mib=256,
        max_connections=50,
        region=REGION,
        keep_full_backups=2,
    )
    for name, text in content.items():
        (made.settings / name).write_text(text)
    env = {
        **kubernetes.environment,
        **repository.environment(),
        "PATRONI_NAME": made.name,
        "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{made.address}:5432",
        "PATRONI_POSTGRESQL_LISTEN": f"{made.address}:5432",
        "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{made.address}:8008",
        "PATRONI_RESTAPI_LISTEN": f"{made.address}:8008",
        "PGBACKREST_CONFIG": f"{SETTINGS}/pgbackrest.conf",
        "PGBACKREST_REPO1_S3_BUCKET": BUCKET,
    }
    mounts = [
        Mount(SETTINGS, made.settings, read_only=True),
        Mount(FOLDER, made.secrets, read_only=True),
        Mount("/var/run/secrets/kubernetes.io/serviceaccount", kubernetes.folder, read_only=True),
        Mount("/var/lib/postgresql", Database.volume(made.volume)),
        Mount("/run/postgresql"),
        Mount("/tmp"),
        Mount("/dev/shm"),
        *repository.mounts,
    ]
    command = ("/bin/sh", f"{SETTINGS}/start.sh")
    with running(database, *command, env=env, mounts=mounts, output=made.log) as made.container:
        yield
