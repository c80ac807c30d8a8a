"""docs/restore-database.md, said word by word to three members with a real archive."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from delivery.process import ROOT, wait_for
from k8s.migrations import COMMAND
from local.kubernetes.control_plane import ControlPlane
from local.paths import cache
from local.tools import build
from tests.image.cluster import SECONDS
from tests.image.images import Image
from tests.image.kubernetes import Kubernetes
from tests.image.members import Members
from tests.image.person import Person
from tests.image.repository import Repository
from tests.local_aws.conftest import serving
from tests.local_aws.support import ACCOUNT, Account

PAGE = "docs/restore-database.md"
TOP, WHOLE = "Bring the database's rows back", "The whole database"
BACK, GONE = "Go back", "The volumes are gone"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def stand(
    database: Image, addresses: Sequence[str], folder: Path
) -> Iterator[tuple[Members, Person]]:
    """Three members on an API server of their own, in whose namespace nobody else elects."""
    network = addresses[0].rpartition(".")[0]
    with ExitStack() as stack:
        plane = ControlPlane(folder / "plane", build.ensure(cache(), print))
        stack.callback(plane.stop)
        plane.start(token_webhook_url="http://127.0.0.1:9/")
        kubernetes = Kubernetes(plane, folder / "account")
        (folder / "aws").mkdir()
        (folder / "repository").mkdir()
        server = stack.enter_context(serving(folder / "aws", folder / "repository"))
        account = Account(server, ACCOUNT)
        repository = Repository(account, kubernetes, folder / "repository")
        stack.enter_context(repository.served(f"{network}.210"))
        at = [f"{network}.{number}" for number in (211, 212, 213)]
        members = Members(database, kubernetes, repository, at, folder / "members")
        stack.callback(members.close)
        members.start()
        plane.kubectl("create", "namespace", "web")
        plane.kubectl("-n", "web", "create", "deployment", "web", "--image=web", "--replicas=2")
        (folder / "shell").mkdir()
        person = Person(PAGE, plane, account, folder / "shell")
        person.reach(members.all)
        yield members, person


def replicas(person: Person) -> str:
    return person.say("kubectl get deployment web -n web -o jsonpath='{.spec.replicas}'")


def restore(
    members: Members, person: Person, to: str, given: dict[str, str], then: str = ""
) -> None:
    """Say the page from its top to its end.

    `to` is the block that chooses what to restore to, `then` what is said after it.
    """
    (top,) = person.blocks(TOP)
    person.say(top)
    stop_web, stop, _, _, start, take_over, others, web, backup = person.blocks(WHOLE)
    person.say(stop_web)
    assert replicas(person) == "0"
    assert person.say(stop).count("server stopped") == len(members.all)
    with pytest.raises(psycopg.OperationalError):
        members.all[0].connect("app", "app")
    assert "completed successfully" in person.say(to, given)
    before, delete, after = then.partition('kubectl delete "$primary" --namespace database\n')
    if delete:
        person.say(before + delete)
        members.run(members.named(person.say('echo "$primary"')))
        person.reach(members.all)
        assert "Maintenance mode: on" in person.say(after)
    run, look = start.splitlines()
    assert "server started" in person.say(run)

    # At a moment it waits for a person; at the archive's end it is a primary.
    there = r"^ paused +\| 20" if "--target=" in to else r"^\(0 rows\)"
    wait_for(lambda: re.search(there, person.say(look), re.MULTILINE), SECONDS)
    for one in members.all:
        # Nobody gets in before somebody has looked.
        with pytest.raises(psycopg.OperationalError):
            one.connect("app", "app")
    assert "check command end: completed successfully" in person.say(take_over)
    assert "Leader" in person.say(others)
    wait_for(members.whole, SECONDS)
    person.say(web)
    assert replicas(person) == "1"
    assert "backup command end: completed successfully" in person.say(backup)


def labels(members: Members) -> list[str]:
    """The whole backups, oldest first."""
    said = members.leader.container.exec("pgbackrest", "--stanza=main", "info").stdout
    return re.findall(r"full backup: (\S+)", said)


def rows(members: Members) -> list[str]:
    """Each member's, once all have what the leader has."""
    statement = "SELECT what FROM kept ORDER BY what"
    wait_for(lambda: len(_everywhere(members, statement)) == 1, SECONDS)
    return members.sql(statement)


def _everywhere(members: Members, statement: str) -> set[str]:
    """What members answer, each by itself."""
    psql = ("psql", "--tuples-only", "--no-align", "--dbname=app", f"--command={statement}")
    return {one.container.exec(*psql).stdout.strip() for one in members.all}


def test_rows_come_back_to_a_moment_and_back_again_and_when_all_volumes_are_gone(
    stand: tuple[Members, Person],
) -> None:
    members, person = stand
    with members.leader.connect("app", "app") as connection:
        connection.execute("CREATE TABLE kept (what text)")
        connection.execute("INSERT INTO kept VALUES ('backed-up')")
    backup = members.leader.container.exec("pgbackrest", "--stanza=main", "--type=full", "backup")
    assert backup.returncode == 0, backup.stdout
    (first,) = labels(members)
    with members.leader.connect("app", "app") as connection:
        connection.execute("INSERT INTO kept VALUES ('before')")
        time.sleep(1)
        (moment,) = connection.execute("SELECT now()::text").fetchone() or ("",)
        time.sleep(1)
        connection.execute("INSERT INTO kept VALUES ('later')")
        connection.execute("DELETE FROM kept WHERE what = 'backed-up'")
    timeline, old = members.timeline, members.leader

    to_moment, to_end = person.blocks(WHOLE)[2:4]
    restore(members, person, to_moment, {"moment": moment})
    assert members.leader is old
    assert rows(members) == ["backed-up", "before"]
    assert members.timeline == timeline + 1
    assert len(labels(members)) == 2
    with members.leader.connect("app", "app") as connection:
        connection.execute("INSERT INTO kept VALUES ('since')")
    done = old.container.exec("patronictl", "switchover", "--force")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: members.whole() and members.leader is not old, SECONDS)
    assert rows(members) == ["backed-up", "before", "since"]
    # A moment that stayed would end the next recovery there.
    assert _everywhere(members, "SHOW recovery_target_time") == {""}

    (back,) = person.blocks(BACK)
    restore(members, person, back, {"backup": first, "timeline": str(timeline)})
    assert rows(members) == ["before", "later"]

    newest = labels(members)[-1]
    with members.leader.connect("app", "app") as connection:
        connection.execute("INSERT INTO kept VALUES ('archived')")
    assert members.leader.container.exec("pgbackrest", "--stanza=main", "check").returncode == 0
    members.lose()
    members.rotate()
    members.start()
    person.reach(members.all)
    assert members.sql("SELECT to_regclass('kept')") == [""]
    (gone,) = person.blocks(GONE)
    restore(members, person, to_end, {"backup": newest}, gone)
    assert rows(members) == ["archived", "before", "later"]
    members.leader.connect("app", "app").close()


def test_the_schema_is_migrated_as_the_page_says() -> None:
    text = " ".join((ROOT / PAGE).read_text().split())
    assert f"kubectl exec --namespace web deployment/web -- {' '.join(COMMAND)}`" in text
