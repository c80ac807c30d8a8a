"""The drill's image, built and run, and the dump of the chart's own database by its CronJob."""

import ast
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.environments import PROD, TABLE
from config.model import Table
from delivery.data import DUMP, DUMPS, MANIFEST
from k8s.secret_store import FOLDER
from tests.image.container import Mount, running
from tests.image.images import Image
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.image.member import Member
from tests.image.person import Person
from tests.image.pod import EKS, scheduled
from tests.image.repository import BUCKET, Repository, make_rendered_role
from tests.synthesis import Synthesis, Template, manifests

BASE = "docker.io/library/debian:trixie-slim"
PYTHON = "/usr/bin/python3"
NOTES = """DROP TABLE IF EXISTS notes;
CREATE TABLE notes (id int PRIMARY KEY, title text, created_at date DEFAULT now());
INSERT INTO notes SELECT n, n FROM generate_series(1, 3) n"""
Run = Callable[..., tuple[int, str]]
CHECK = f"""
import boto3
from delivery.data_check import check_data
print(check_data(boto3.client("s3"), "{BUCKET}", max_age_hours=1))
"""


@pytest.fixture
def run(drill: Image, tmp_path: Path) -> Run:
    """Run a command in the image to its end; return its exit code and output."""

    def run(*command: str, **env: str) -> tuple[int, str]:
        log = tmp_path / "log"
        with running(drill, *command, env=env, output=log, mounts=[Mount("/tmp")]) as container:
            code = container.process.wait(60)
        said = log.read_text()
        log.unlink()
        return code, said

    return run


def test_it_runs_as_nobody_with_programs_that_fit_the_databases(
    run: Run, drill: Image, database: Image
) -> None:
    assert drill.config["User"] == "65532:65532"
    assert "Volumes" not in drill.config
    code, said = run(*drill.config["Entrypoint"], "--help")
    assert (code, said.split()[:4]) == (0, ["usage:", "python", "-m", "delivery.drill"])
    # What looks for late backups is in the same image.
    code, said = run(PYTHON, "-m", "delivery.freshness", "--help")
    assert (code, said.split()[:4]) == (0, ["usage:", "python", "-m", "delivery.freshness"])
    (servers,) = (database.root / "usr/lib/postgresql").iterdir()
    folder = f"/usr/lib/postgresql/{servers.name}/bin"
    assert f"POSTGRES_BIN={folder}" in drill.config["Env"]
    for program in ("pg_dump", "pg_restore", "postgres", "initdb"):
        code, said = run(f"{folder}/{program}", "--version")
        assert (code, said.split()[2].split(".")[0]) == (0, servers.name), said
    code, said = run("kubectl", "version", "--client", "--output=json")
    assert (code, json.loads(said)["clientVersion"]["major"]) == (0, "1")
    code, said = run(PYTHON, "-c", "open('/app/x', 'w')")
    assert "Read-only file system" in said


def test_nothing_in_it_gives_a_privilege_or_a_secret(drill: Image) -> None:
    files = [path for path in drill.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in files if path.stat().st_mode & 0o6000]
    names = {path.name for path in (drill.root / "usr").glob("*bin/*")}
    assert not names & {"sudo", "gcc", "pip", "ssh", "curl", "wget", "pg_wrapper"}
    keys = subprocess.run(
        ["grep", "-rlE", "^-----BEGIN [A-Z ]*PRIVATE KEY", drill.root / "etc", drill.root / "app"],
        capture_output=True,
        text=True,
    )
    assert keys.stdout == ""


def test_it_is_at_most_250_mb_over_its_base(drill: Image) -> None:
    size = drill.bytes_over(BASE)
    print(f"The drill's image is {size / 1e6:.0f} MB over its base.")
    assert 50_000_000 < size <= 250_000_000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    table = Table(environments=(PROD,), tooling=TABLE.tooling)
    return Synthesis(table, tmp_path_factory.mktemp("cdk")).template("prod", "Workloads")


@pytest.fixture(scope="module")
def dump(
    drill: Image,
    member: Member,
    kubernetes: Kubernetes,
    repository: Repository,
    template: Template,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Run the CronJob's pod to its end, with the role and the rights that its template gives it."""
    folder = tmp_path_factory.mktemp("dump")
    found = {
        one["kind"]: one
        for one in manifests(template)
        if one["metadata"]["name"] == "database-dump"
    }
    kubernetes.account(found["ServiceAccount"])
    (role,) = (
        one["Properties"]
        for name, one in template.resources("AWS::IAM::Role").items()
        if name.startswith("DatabaseIdentityDump")
    )
    (folder / "token").mkdir()
    token = kubernetes.token("sts.amazonaws.com", account="database-dump")
    (folder / "token" / "token").write_text(token)
    (folder / "secrets").mkdir()
    hosts = f"{member.address} database.{NAMESPACE}.svc\n"
    (folder / "hosts").write_text((repository.folder / "hosts").read_text() + hosts)
    env = {
        # What EKS's webhook adds to a pod whose service account names a role.
        "AWS_ROLE_ARN": make_rendered_role(repository.account, role),
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{EKS}/token",
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
    }
    mounts = [
        Mount(FOLDER, folder / "secrets", read_only=True),
        Mount(EKS, folder / "token", read_only=True),
        Mount("/etc/hosts", folder / "hosts", read_only=True),
        Mount("/etc/ssl/certs/ca-certificates.crt", repository.folder / "aws-ca.crt", True),
    ]

    def run(**changes: str) -> tuple[int, str]:
        # Of its secrets it mounts its own.
        (folder / "secrets" / "dump").write_text(member.passwords["dump"])
        cron = json.loads(json.dumps(found["CronJob"]).replace("<reference>", BUCKET))
        log = folder / "log"
        log.unlink(missing_ok=True)
        with scheduled(drill, cron, env={**env, **changes}, mounts=mounts, output=log) as container:
            code = container.process.wait(60)
        return code, log.read_text()

    return run


@pytest.fixture
def notes(member: Member) -> Iterator[None]:
    """Three rows of the table that the page speaks of; others have one of that name, too."""
    with member.connect("app", "app") as connection:
        connection.execute(NOTES)
        yield
        connection.execute("DROP TABLE notes")


@pytest.fixture
def person(
    member: Member, kubernetes: Kubernetes, repository: Repository, tmp_path: Path
) -> Person:
    """Somebody who may do anything in the cluster, and read the bucket."""
    somebody = Person("docs/restore-database.md", kubernetes.plane, repository.account, tmp_path)
    somebody.reach([member])
    return somebody


def _proven(run: Run, repository: Repository) -> Any:
    """What the image says of the newest dump, by whoever may read it."""
    account = repository.account
    code, said = run(
        PYTHON,
        "-c",
        CHECK,
        AWS_ACCESS_KEY_ID=account.key,
        AWS_SECRET_ACCESS_KEY=account.secret,
        AWS_DEFAULT_REGION="eu-central-1",
        AWS_ENDPOINT_URL=account.server.endpoint,
    )
    assert code == 0, said
    return ast.literal_eval(said)


def test_rows_of_the_charts_database_are_dumped_and_one_that_is_altered_is_named(
    member: Member, dump: Run, repository: Repository, run: Run
) -> None:
    with member.connect("app", "app") as connection:
        connection.execute("CREATE TABLE kept AS SELECT n, now() FROM generate_series(1, 500) n")
    code, said = dump()
    assert code == 0, said
    rows, problems = _proven(run, repository)
    assert (rows >= 500, problems) == (True, [])
    (first,) = {key.rpartition("/")[0] for key in repository.keys(DUMPS)}
    with member.connect("app", "app") as connection:
        connection.execute("UPDATE kept SET n = 0 WHERE n = 7")
    code, said = dump()
    assert code == 0, said
    second = max(key.rpartition("/")[0] for key in repository.keys(DUMPS))
    assert second > first
    s3 = repository.account.client("s3")
    before = s3.get_object(Bucket=BUCKET, Key=f"{first}/{MANIFEST}")["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=f"{second}/{MANIFEST}", Body=before)
    _, (problem,) = _proven(run, repository)
    assert problem.startswith(f"Table public.kept of {second}/ has rows with other values")


@pytest.mark.usefixtures("notes")
def test_a_table_comes_back_from_the_dump_as_the_page_says(
    member: Member, dump: Run, repository: Repository, person: Person
) -> None:
    (top,) = person.blocks("Bring the database's rows back")
    room, (fill,) = person.blocks("One table")[0], person.blocks("As it was dumped last night")
    look, make, add, done = person.blocks("Take what you want")
    code, said = dump()
    assert code == 0, said
    newest = max(key.split("/")[1] for key in repository.keys(DUMPS))
    person.say(top)
    person.say(room)
    assert newest in person.say(fill, {"dump": newest})
    assert " 3 |" in person.say(look)
    with member.connect("app", "app") as connection:
        connection.execute("DELETE FROM notes WHERE id = 2; UPDATE notes SET title = 'x'")
        connection.execute("INSERT INTO notes VALUES (4, 'since')")
        assert "INSERT 0 1" in person.say(add)
        found = connection.execute("SELECT title FROM notes ORDER BY id").fetchall()
        assert found == [("x",), ("2",), ("x",), ("since",)]
        connection.execute("DROP TABLE notes")
        person.say(make)
        assert connection.execute("SELECT sum(id) FROM notes").fetchone() == (6,)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO notes VALUES (1, 'twice')")
    with member.connect("dump", "app") as connection:
        connection.execute("SELECT * FROM notes")
    person.say(done)


@pytest.mark.usefixtures("notes")
def test_a_table_comes_back_as_it_was_at_a_moment_as_the_page_says(
    member: Member, person: Person
) -> None:
    (top,) = person.blocks("Bring the database's rows back")
    room, (fill, away) = person.blocks("One table")[0], person.blocks("As it was at a moment")
    look, make, _, done = person.blocks("Take what you want")
    with member.connect("backup", "postgres") as connection:
        connection.execute("CALL backup.take('full')")
    with member.connect("app", "app") as connection:
        time.sleep(1)
        (moment,) = connection.execute("SELECT now()::text").fetchone() or ("",)
        time.sleep(1)
        connection.execute("DROP TABLE notes")
    archive = member.container.exec("pgbackrest", "--stanza=main", "check")
    assert archive.returncode == 0, archive.stdout
    person.say(top)
    person.say(room)
    person.say(fill, {"moment": moment})
    person.say(away)
    assert " 3 |" in person.say(look)
    person.say(make)
    with member.connect("app", "app") as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (3,)
    person.say(done)
    assert sorted(one.name for one in member.volume.iterdir()) == ["data"]


def test_its_role_in_the_database_reads_everything_and_changes_nothing(member: Member) -> None:
    with member.connect("app", "app") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS later (n int)")
    with member.connect("dump", "app") as connection:
        # Also what is younger than the role.
        connection.execute("SELECT * FROM later")
        for statement in ("INSERT INTO later VALUES (1)", "CREATE TABLE x (n int)"):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute(statement)
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "INSERT INTO later VALUES (1)",
            "CREATE TABLE x (n int)",
            "SELECT rolpassword FROM pg_authid",
            "COPY later TO PROGRAM 'true'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        member.connect("dump", "postgres")


def test_its_role_in_aws_adds_dumps_and_can_do_nothing_else(
    dump: Run, repository: Repository, kubernetes: Kubernetes
) -> None:
    arn = f"arn:aws:iam::{repository.account.key}:role/rendered"
    sts = repository.account.client("sts")
    token = kubernetes.token("sts.amazonaws.com", account="database-dump")
    given = sts.assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="test", WebIdentityToken=token
    )["Credentials"]
    with pytest.raises(sts.exceptions.ClientError, match="AccessDenied"):
        sts.assume_role_with_web_identity(
            RoleArn=arn,
            RoleSessionName="test",
            WebIdentityToken=kubernetes.token("sts.amazonaws.com"),
        )
    who = type(repository.account)(
        repository.account.server,
        given["AccessKeyId"],
        given["SecretAccessKey"],
        given["SessionToken"],
    )
    s3 = who.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{DUMPS}probe", Body=b"")
    for call, words in (
        (s3.get_object, {"Key": f"{DUMPS}probe"}),
        (s3.delete_object, {"Key": f"{DUMPS}probe"}),
        (s3.put_object, {"Key": "velero/backups/x", "Body": b""}),
        (s3.list_objects_v2, {"Prefix": DUMPS}),
    ):
        with pytest.raises(s3.exceptions.ClientError, match=r"AccessDenied|Forbidden|403"):
            call(Bucket=BUCKET, **words)


def test_a_dump_that_can_t_be_made_fails_its_job_with_a_sentence(
    dump: Run, repository: Repository
) -> None:
    before = repository.keys(DUMPS)
    code, said = dump(AWS_ROLE_ARN="arn:aws:iam::111111111111:role/stranger")
    assert (code, said.startswith("FAILED: The database can't be dumped: ")) == (1, True), said
    assert "AccessDenied" in said
    url = f"postgresql://dump@database.{NAMESPACE}.svc:5432/app?sslmode=disable"
    code, said = dump(DATABASE_URL=url)
    assert (code, "no encryption" in said) == (1, True), said
    assert [key for key in repository.keys(DUMPS) if key.endswith(DUMP)] == [
        key for key in before if key.endswith(DUMP)
    ]
