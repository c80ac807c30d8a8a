"""What the database's chart mounts, on the real image: its first start, who gets in, a backup."""

import secrets
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from delivery.process import wait_for
from k8s.database import LABELS
from k8s.database_settings import SETTINGS, VERIFIED, files
from k8s.secret_store import FOLDER
from tests.image.cluster import SECONDS
from tests.image.container import Container, Mount, running
from tests.image.images import Image
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.image.patroni import Database
from tests.image.relay import Relay
from tests.image.repository import BUCKET, Repository
from tests.local_aws.support import REGION

NAME = "chart-0"


class Member:
    """One member, alone, as the chart makes it; but at an address that tests share a machine by."""

    container: Container

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.log = folder / "log"
        self.secrets = folder / "secrets"
        self.passwords = {name: secrets.token_hex(20) for name in ("app", "members")}
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
        password = self.passwords["app" if user == "app" else "members"]
        return psycopg.connect(
            user=user,
            dbname=database,
            password=password,
            connect_timeout=2,
            autocommit=True,
            **given,  # type: ignore[arg-type] # its signature has no place for libpq's words
        )

    def ready(self) -> bool:
        """What the chart's probe asks: false while the first start still makes the archive."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:8008/read-only", timeout=2) as said:
                return bool(said.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def member(
    database: Image,
    kubernetes: Kubernetes,
    repository: Repository,
    addresses: Sequence[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Member]:
    folder = tmp_path_factory.mktemp("chart")
    made = Member(f"{addresses[0].rpartition('.')[0]}.200", folder)
    kubernetes.pod(NAME, "database", database)
    kubernetes.label(NAME, LABELS)
    settings = folder / "settings"
    settings.mkdir()
    made.secrets.mkdir()
    made.mount()
    content = files(
        namespace=NAMESPACE,
        labels=LABELS,
        synchronous=True,
        memory_mib=256,
        max_connections=50,
        region=REGION,
        keep_full_backups=2,
    )
    for name, text in content.items():
        (settings / name).write_text(text)
    env = {
        **kubernetes.environment,
        **repository.environment(),
        "PATRONI_NAME": NAME,
        "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{made.address}:5432",
        "PATRONI_POSTGRESQL_LISTEN": f"{made.address}:5432",
        "PATRONI_RESTAPI_CONNECT_ADDRESS": f"{made.address}:8008",
        "PATRONI_RESTAPI_LISTEN": f"{made.address}:8008",
        "PGBACKREST_CONFIG": f"{SETTINGS}/pgbackrest.conf",
        "PGBACKREST_REPO1_S3_BUCKET": BUCKET,
    }
    mounts = [
        Mount(SETTINGS, settings, read_only=True),
        Mount(FOLDER, made.secrets, read_only=True),
        Mount("/var/run/secrets/kubernetes.io/serviceaccount", kubernetes.folder, read_only=True),
        Mount("/var/lib/postgresql", Database.volume(folder / "volume")),
        Mount("/run/postgresql"),
        Mount("/tmp"),
        *repository.mounts,
    ]
    command = ("/bin/sh", f"{SETTINGS}/start.sh")
    with running(database, *command, env=env, mounts=mounts, output=made.log) as made.container:
        try:
            wait_for(made.ready, SECONDS)
        except Exception as error:
            raise AssertionError(made.log.read_text()[-4000:]) from error
        yield made


def test_the_application_owns_its_database_and_nothing_else(member: Member) -> None:
    with member.connect("app", "app") as connection:
        connection.execute("CREATE TABLE notes (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT rolpassword FROM pg_authid")
    for user, name in (("app", "postgres"), ("backup", "app")):
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
            member.connect(user, name)


def test_nobody_gets_in_without_tls_or_with_another_password(member: Member) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        member.connect("app", "app", sslmode="disable")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        member.connect("postgres", "postgres")
    wrong = Member(member.address, member.log.parent)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        wrong.connect("app", "app")


def test_who_stands_in_the_middle_is_found_out(member: Member, tmp_path: Path) -> None:
    relay = Relay(tmp_path, (member.address, 5432))
    through = {"host": "127.0.0.1", "port": str(relay.port)}
    try:
        # TLS alone would have told it all.
        member.connect("app", "app", channel_binding="disable", **through).close()
        with pytest.raises(psycopg.OperationalError, match="channel binding"):
            member.connect("app", "app", **through)
    finally:
        relay.close()


def test_the_schedules_role_has_a_backup_made_and_can_do_nothing_else(
    member: Member, repository: Repository
) -> None:
    with member.connect("backup", "postgres") as connection:
        connection.execute("CALL backup.take('diff')")
        with pytest.raises(psycopg.errors.RaiseException, match="A backup is full or diff"):
            connection.execute("CALL backup.take('full; true')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT) TO PROGRAM 'true'")
    # The first is a whole one, whatever it is asked for.
    assert any(key.endswith("F/backup.manifest") for key in repository.keys("database/backup"))
    assert repository.keys("database/archive/main/17")


def test_new_passwords_are_taken_when_a_person_says_so(member: Member) -> None:
    member.rotate()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        member.connect("app", "app")
    done = member.container.exec("/bin/sh", f"{SETTINGS}/passwords.sh")
    assert done.returncode == 0, done.stderr
    assert not any(one in done.stdout + done.stderr for one in member.passwords.values())
    for user, name in (("app", "app"), ("backup", "postgres")):
        member.connect(user, name).close()


def test_no_password_is_logged(member: Member) -> None:
    log = member.log.read_text()
    assert "CREATE ROLE" not in log
    assert "ALTER ROLE" not in log
    for password in (*member.passwords.values(), *member.former):
        assert password not in log
