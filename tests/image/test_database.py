"""The database's image, built and run: three members on the real API server, as in prod."""

import subprocess
from pathlib import Path

import psycopg
import pytest
import yaml

from delivery.process import wait_for
from tests.image.cluster import MEMBERS, SECONDS, Cluster, Writer
from tests.image.images import Image
from tests.image.repository import STANZA

RESTORED = MEMBERS


def test_it_is_postgresql_17_with_patroni_4_and_a_pgbackrest_that_takes_web_identity(
    cluster: Cluster,
) -> None:
    def version(*command: str) -> list[int]:
        said = cluster[0].exec(*command).stdout.split()[-1]
        return [int(one) for one in said.split(".")]

    assert cluster.sql("SELECT current_setting('server_version_num')::int / 10000") == ["17"]
    assert version("patroni", "--version")[0] == 4
    assert version("pgbackrest", "version") >= [2, 42]
    assert cluster.sql("SELECT datcollate, datlocprovider FROM pg_database LIMIT 1") == [
        "C.UTF-8|b"
    ]


def test_a_query_that_would_be_compiled_runs_without_a_compiler(cluster: Cluster) -> None:
    costly = "SET jit = on; SET jit_above_cost = 0; SELECT sum(n) FROM generate_series(1, 9) n"
    assert cluster.sql(costly)[-1] == "45"


def test_nothing_in_it_gives_a_privilege_or_a_secret(database: Image) -> None:
    assert database.config["User"] == "999:999"
    assert "Volumes" not in database.config
    root = database.root
    programs = {path.name for path in (root / "usr").glob("*bin/*")}
    assert "pgbackrest" in programs
    assert not programs & {"sudo", "gcc", "pip", "ssh", "curl", "wget", "pg_wrapper"}
    privileged = [path for path in root.rglob("*") if path.is_file() and _mode(path) & 0o6000]
    assert not privileged
    keys = subprocess.run(
        ["grep", "-rlE", "^-----BEGIN [A-Z ]*PRIVATE KEY", root / "etc", root / "var"],
        capture_output=True,
        text=True,
    )
    assert keys.stdout == ""
    variables = dict(one.split("=", 1) for one in database.config["Env"])
    assert not [name for name in variables if "PASSWORD" in name or "KEY" in name]
    shadow = (root / "etc" / "shadow").read_text().splitlines()
    assert {line.split(":")[1] for line in shadow} <= {"*", "!", "!*", "!!"}


def test_patroni_is_its_first_process_without_privileges_on_a_read_only_root(
    cluster: Cluster,
) -> None:
    member = cluster[0]
    status = yaml.safe_load(Path(f"/proc/{member.pid}/status").read_text().replace("\t", " "))
    assert status["Name"] == "patroni"
    assert status["Uid"] == "999 999 999 999"
    assert status["CapEff"] == 0
    for folder in ("/", "/usr/lib/postgresql", "/etc/patroni", "/etc/pgbackrest", "/var/log"):
        done = member.exec("/bin/sh", "-c", f": > {folder}/written")
        assert "Read-only file system" in done.stderr, folder
    shown = member.exec("patronictl", "list", "--format=yaml").stdout
    assert {one["State"] for one in yaml.safe_load(shown)} == {"running", "streaming"}


def test_clients_need_tls_and_their_password(cluster: Cluster) -> None:
    leader = cluster.leader
    with cluster.database.connect(leader) as connection:
        found = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert found.fetchone() == (True,)
    for user, password, options, refusal in (
        ("app", "wrong", {}, "password authentication failed"),
        ("postgres", "", {}, "no password supplied|password authentication failed"),
        ("app", cluster.database.password, {"sslmode": "disable"}, "no encryption"),
    ):
        with pytest.raises(psycopg.OperationalError, match=refusal):
            psycopg.connect(cluster.database.url(leader, user, password, **options))


def test_no_acknowledged_row_is_lost_when_the_leader_stops_and_when_one_is_killed(
    cluster: Cluster,
) -> None:
    cluster.sql("CREATE TABLE acknowledged (number int); GRANT ALL ON acknowledged TO app")
    wait_for(cluster.whole, SECONDS)
    with Writer(cluster.database, "acknowledged") as writer:
        writer.progresses()
        stopped = cluster.leader
        before = cluster.database.made(stopped)
        assert cluster[stopped].end() == 0
        writer.progresses()
        assert cluster.leader != stopped
        cluster.start(stopped)
        wait_for(cluster.whole, SECONDS)

        writer.progresses()
        killed = cluster.leader
        other = cluster.database.made(killed)
        cluster[killed].kill()
        writer.progresses()
        assert cluster.leader != killed
        cluster.start(killed)
        wait_for(cluster.whole, SECONDS)
    kept = {int(one) for one in cluster.sql("SELECT number FROM acknowledged")}
    assert set(writer.acknowledged) <= kept
    # Both took up their volumes again; a copy of the leader's would be another file.
    assert [cluster.database.made(number) for number in (stopped, killed)] == [before, other]


def test_a_member_gets_from_the_archive_what_the_leader_has_no_longer(cluster: Cluster) -> None:
    wait_for(cluster.whole, SECONDS)
    leader = cluster.leader
    away = (leader + 1) % MEMBERS
    logs = [cluster.database.log(number) for number in range(MEMBERS)]
    before = [len(log.read_text()) for log in logs]
    needed = cluster.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")[0]
    cluster[away].kill()
    try:
        cluster.sql("ALTER SYSTEM SET wal_keep_size = 0")
        cluster.sql("SELECT pg_reload_conf()")
        cluster.sql("CREATE TABLE missed AS SELECT generate_series(1, 1000) AS number")

        def gone() -> bool:
            for statement in ("INSERT INTO missed VALUES (0)", "SELECT pg_switch_wal()"):
                cluster.sql(statement)
            cluster.sql("CHECKPOINT")
            return needed not in cluster.sql("SELECT name FROM pg_ls_waldir()")

        wait_for(gone, SECONDS)
    finally:
        cluster.sql("ALTER SYSTEM RESET wal_keep_size")
        cluster.sql("SELECT pg_reload_conf()")
        cluster.start(away)
    wait_for(cluster.whole, SECONDS)
    assert cluster.leader == leader
    for log, length in zip(logs, before, strict=True):
        assert "Exception when" not in log.read_text()[length:]


def test_the_repository_is_open_to_the_members_identity_alone(cluster: Cluster) -> None:
    repository = cluster.database.repository
    look = ("pgbackrest", f"--stanza={STANZA}", "repo-ls", "archive")
    ours = cluster[0].exec(*look)
    assert ours.stdout.split() == [STANZA], ours.stderr
    assert repository.keys(f"archive/{STANZA}/17-1/")
    other = cluster[0].exec(*look, **repository.environment("stranger"))
    assert other.returncode != 0
    # What STS answered instead of credentials.
    assert "ErrorResponse" in other.stdout + other.stderr


def test_a_restored_cluster_has_every_row(cluster: Cluster) -> None:
    leader = cluster[cluster.leader]
    cluster.sql("CREATE TABLE kept (number int); GRANT SELECT ON kept TO app")
    cluster.sql("INSERT INTO kept SELECT generate_series(1, 1000)")
    backup = leader.exec("pgbackrest", f"--stanza={STANZA}", "--type=full", "backup")
    assert backup.returncode == 0, backup.stdout + backup.stderr
    cluster.sql("INSERT INTO kept SELECT generate_series(1001, 2000)")
    wal = cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")[0]
    wait_for(
        lambda: cluster.sql("SELECT last_archived_wal FROM pg_stat_archiver") >= [wal], SECONDS
    )
    # What a restore may not do is write into the archive that it comes from.
    restore = f"pgbackrest --stanza={STANZA} --archive-mode=off restore"
    method = {"command": restore, "keep_existing_recovery_conf": True, "no_params": True}
    bootstrap = {"method": "pgbackrest", "pgbackrest": method}
    with cluster.database.member(RESTORED, "restored", bootstrap):

        def rows() -> tuple[object, ...] | None:
            try:
                with cluster.database.connect(RESTORED, target_session_attrs="read-write") as one:
                    return one.execute("SELECT count(*), sum(number) FROM kept").fetchone()
            except psycopg.OperationalError:
                return None

        assert wait_for(rows, SECONDS) == (2000, sum(range(2001)))
        with cluster.database.connect(RESTORED) as one:
            assert one.execute("SHOW archive_mode").fetchone() == ("off",)


def _mode(path: Path) -> int:
    return path.lstat().st_mode
