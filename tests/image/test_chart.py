"""What the database's chart mounts, on the real image: its first start, who gets in, a backup."""

import copy
from pathlib import Path

import psycopg
import pytest

from delivery.process import wait_for
from k8s.database_hook import database_hook
from k8s.database_settings import SETTINGS
from tests.image.kubernetes import NAMESPACE
from tests.image.member import Member
from tests.image.relay import Relay
from tests.image.repository import Repository


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


def test_settings_that_members_share_reach_a_cluster_that_is_there(member: Member) -> None:
    before = member.shared()
    assert before["synchronous_mode"] is True
    changed = {"ttl": 25, "synchronous_mode": False}
    try:
        said = member.settle({**before, **changed, "postgresql": {"parameters": {"jit": "off"}}})
        assert "Configuration changed" in said
        # What isn't named stays.
        wanted = {**copy.deepcopy(before), **changed}
        wanted["postgresql"]["parameters"]["jit"] = "off"
        wait_for(lambda: member.shared() == wanted)
    finally:
        as_before = copy.deepcopy(before)
        as_before["postgresql"]["parameters"]["jit"] = None
        assert "Configuration changed" in member.settle(as_before)
    wait_for(lambda: member.shared() == before)
    # The second time there is nothing to do.
    assert member.settle(before) == ""


def test_what_velero_runs_around_a_snapshot_leads_on_in_the_archive(member: Member) -> None:
    def sql(words: str) -> str:
        command = ("psql", "--no-psqlrc", "--username=postgres", "--tuples-only", "--no-align")
        done = member.container.exec(*command, f"--command={words}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    hook = database_hook(NAMESPACE)
    checkpoint = "SELECT checkpoint_lsn FROM pg_control_checkpoint()"
    archived = "SELECT archived_count FROM pg_stat_archiver"
    before = sql(checkpoint), int(sql(archived))
    for command in (hook.before, hook.after):
        done = member.container.exec(*command)
        assert done.returncode == 0, done.stderr
    assert sql(checkpoint) != before[0]
    wait_for(lambda: int(sql(archived)) > before[1])


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
