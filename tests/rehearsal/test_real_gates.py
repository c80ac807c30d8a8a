"""Each gate of the real pipeline, its buildspec as the template has it, stops what it must.

The small pipeline runs it in the place of its smoke test, over a clone of this working tree that a
commit has broken.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV, PIPELINE, TABLE
from config.release import IMAGES
from local.paths import ROOT
from local.rehearsal import stand_ins
from local.rehearsal.errors import ActionFailedError
from local.rehearsal.state import Runs
from tests.local_aws.support import ACCOUNT, eventually
from tests.rehearsal import small, tree
from tests.rehearsal.conftest import World
from tests.synthesis import Synthesis

MIGRATIONS = ROOT / "tests" / "delivery" / "migrations" / "bad"
UNUSED = "import os\n"


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """The builds of the real pipeline by name, as they would be deployed."""
    folder = tmp_path_factory.mktemp("pipeline")
    Synthesis(TABLE, folder, PIPELINE)
    template = json.loads((folder / "Pipeline.template.json").read_text())
    return {
        resource["Properties"]["Name"].removeprefix("mindforce-"): resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::CodeBuild::Project" and "Name" in resource["Properties"]
    }


@pytest.fixture
def clone(world: World) -> small.Repository:
    """A clone of what is in the working tree, with what the small pipeline needs."""
    tree.copy(world.repository.folder)
    world.repository.commit("released")
    return world.repository


def stopped(world: World, gate: Mapping[str, Any], said: str) -> str:
    """Run a commit into a gate that must stop it there, saying why; return the build's log."""
    done: list[str] = []
    world.noted = done.append
    world.change(gate=gate)
    production = world.topic("prod")
    with pytest.raises(ActionFailedError, match=r"^dev/Smoke: "):
        world.engine.rehearse()
    newest = next(Runs(world.folder).all())
    text = (world.folder / newest.identifier / "dev-Smoke" / "build.log").read_text()
    assert re.search(said, text, re.DOTALL), text
    assert tuple(done) == small.ACTIONS[: small.ACTIONS.index("dev/Smoke")]
    assert world.topic("prod") == production
    return text


def synth(projects: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """The step that checks and synthesizes, with images of nobody's."""
    image, images = f"docker.io/mindforce/web:1@sha256:{'1' * 64}", folder / "images"
    images.mkdir()
    (images / "images.json").write_text(json.dumps(dict.fromkeys(IMAGES, image)))
    place = {"Name": "CODEBUILD_SRC_DIR_Images_Output", "Value": str(images)}
    gate = projects["Synth"]
    return {**gate, "Environment": {**gate["Environment"], "EnvironmentVariables": [place]}}


@pytest.fixture
def in_reach(world: World) -> Iterator[None]:
    """Builds work where other users come to: PostgreSQL is never run by root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        world.folder = Path(folder)
        yield


def change(file: Path, stands: str, other: str) -> None:
    text = file.read_text()
    assert stands in text
    file.write_text(text.replace(stands, other, 1))


def test_lint(
    world: World, clone: small.Repository, projects: Mapping[str, Any], tmp_path: Path
) -> None:
    (clone.folder / "config" / "unused.py").write_text(UNUSED)
    clone.commit("unused")
    log = stopped(world, synth(projects, tmp_path), "config/unused.py")
    assert "F401" in log
    # The first of all checks, and the last that ran.
    assert "test session starts" not in log
    assert "make pipeline" not in log


def test_coverage(
    world: World, clone: small.Repository, projects: Mapping[str, Any], tmp_path: Path
) -> None:
    """A commit that takes tests away; and whole folders of what isn't counted, to save time."""
    for folder in clone.folder.glob("tests/*/"):
        if folder.name not in ("service", "snapshot", "unit"):
            shutil.rmtree(folder)
    shutil.rmtree(clone.folder / "benchmarks")
    kept = ("service/test_cursor.py", "service/test_settings.py", "unit/config/test_accounts.py")
    for test in clone.folder.glob("tests/**/test_*.py"):
        if not str(test).endswith(kept):
            test.unlink()
    clone.commit("fewer tests")
    log = stopped(world, synth(projects, tmp_path), "Required test coverage of 95")
    assert "make pipeline" not in log


def test_a_source_that_does_not_synthesize(
    world: World, clone: small.Repository, projects: Mapping[str, Any], tmp_path: Path
) -> None:
    """The synthesis alone: what is before it checks the same table, and takes minutes."""
    change(
        clone.folder / "config" / "environments.py",
        'url="https://dev.example.com"',
        'url="dev.example.com"',
    )
    clone.commit("wrong address")
    gate = synth(projects, tmp_path)
    spec = json.loads(gate["Source"]["BuildSpec"])
    commands = spec["phases"]["build"]["commands"]
    assert commands[0] == "make check"
    spec["phases"]["build"]["commands"] = commands[1:]
    said = (
        r"error: pipeline: deployments\[dev\]\.url is 'dev\.example\.com'; it must be such as "
        r"'https://web\.example\.com'"
    )
    log = stopped(world, {**gate, "Source": {"BuildSpec": json.dumps(spec)}}, said)
    assert "Traceback" not in log


@pytest.mark.usefixtures("in_reach")
@pytest.mark.parametrize(
    ("migration", "said"),
    [
        ("drops_column", "0002: .*ban-drop-column"),
        # What the lint can't read takes a database to see.
        ("check_that_old_code_fails", "FAILED: The old code answered .* with 500"),
    ],
)
def test_migrations(
    world: World, clone: small.Repository, projects: Mapping[str, Any], migration: str, said: str
) -> None:
    released = world.engine.rehearse().commit
    versions = clone.folder / "service" / "migrations" / "versions"
    shutil.copy(MIGRATIONS / f"{migration}.py", versions)
    clone.commit("migration")
    # Of two commits since the release, so that the one before isn't it.
    clone.commit("more")
    log = stopped(world, projects["migrations-stage"], said)
    assert (f"The last release is {released}: the pipeline" in log) == said.startswith("FAILED")


@pytest.mark.parametrize(
    ("gate", "stands", "other", "said"),
    [
        (
            "smoke-dev",
            "body=given.body, updated_at",
            "updated_at",
            "FAILED: .* of a note that was changed",
        ),
        (
            "load-stage",
            "            return await self._reads.get(",
            "            import asyncio\n\n            await asyncio.sleep(1.5)\n"
            "            return await self._reads.get(",
            "FAILED: The time of 95 % of the requests was",
        ),
    ],
)
def test_a_service_that_is(
    world: World,
    clone: small.Repository,
    projects: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    gate: str,
    stands: str,
    other: str,
    said: str,
) -> None:
    # What is slow from the first request on shows in seconds.
    load = "--users 2 --ramp-seconds 1 --hold-seconds 3 --p95 1000 --p99 4000"
    monkeypatch.setattr(stand_ins, "_LOAD_OPTIONS", load)
    change(clone.folder / "service" / "store.py", stands, other)
    clone.commit("wrong")
    stopped(world, projects[gate], said)


@pytest.fixture
def alarm(world: World) -> Callable[[str], None]:
    """Sets the state of an alarm in dev, which the pipeline's role there may look at."""
    assert DEV.account == ACCOUNT
    iam, cloudwatch = world.account.client("iam"), world.account.client("cloudwatch")
    trust = small.document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
    )
    name = "mindforce-pipeline"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    policy = small.document(small.allow("cloudwatch:DescribeAlarms", "*"))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    cloudwatch.put_metric_alarm(
        AlarmName="dev-web-errors",
        AlarmDescription="docs/runbooks/web-errors.md",
        Namespace="test",
        MetricName="errors",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )

    def set_state(state: str) -> None:
        cloudwatch.set_alarm_state(
            AlarmName="dev-web-errors", StateValue=state, StateReason="many errors"
        )

    return set_state


def test_alarms(
    world: World,
    clone: small.Repository,
    projects: Mapping[str, Any],
    alarm: Callable[[str], None],
) -> None:
    # What was raised before a commit's run doesn't stop it: it may be the one that mends it.
    alarm("ALARM")
    raised = int(time.time())
    eventually("its second is over", lambda: time.time() >= raised + 1)
    world.change(gate=projects["alarms-dev"])
    good = world.engine.rehearse()
    assert "prod/Deploy" in good.done
    (log,) = world.folder.glob("*/dev-Smoke/build.log")
    said = r"Raised before the pipeline's run began.*dev-web-errors: docs/runbooks/web-errors\.md"
    assert re.search(said, log.read_text(), re.DOTALL)
    # What is raised after its deploy does, and not the way back, where it still is.
    alarm("OK")
    world.noted = lambda done: alarm("ALARM") if done == "dev/Deploy" else None
    bad = clone.commit("errors")
    with pytest.raises(ActionFailedError, match=rf"dev was rolled back to {good.commit[:12]}"):
        world.engine.rehearse()
    (log,) = (
        world.folder / run.identifier / "dev-Smoke" / "build.log"
        for run in Runs(world.folder).all()
        if run.commit == bad
    )
    said = r"FAILED: Raised after the deploy:.*dev-web-errors: docs/runbooks/web-errors\.md"
    assert re.search(said, log.read_text(), re.DOTALL)
    assert (world.topic("dev"), world.topic("prod")) == ("released", "released")


def test_a_pull_request_gets_a_page_of_what_it_would_change_whatever_its_checks_say(
    world: World, clone: small.Repository, projects: Mapping[str, Any]
) -> None:
    """A check that fails at once in the place of those that the pipeline's synthesis has, too."""
    clone.branch("change")
    file = clone.folder / "tests" / "snapshot" / "golden" / "dev" / "Backup.template.json"
    change(file, '"s3:GetObject"', '"s3:GetObject",\n           "s3:PutBucketPolicy"')
    clone.commit("broader")
    spec = json.loads(projects["pull-requests"]["Source"]["BuildSpec"])
    spec["phases"]["build"]["commands"] = ["echo a check failed", "false"]
    gate = {**projects["pull-requests"], "Source": {"BuildSpec": json.dumps(spec)}}
    stopped(world, gate, "a check failed.*What changes in tooling is at report/tooling.html")
    (report,) = world.folder.glob("*/dev-Smoke/src/report")
    dev, stage, prod = ((report / f"{one.name}.html").read_text() for one in TABLE.environments)
    assert "dev-Backup Role" in dev
    assert "allows: s3:PutBucketPolicy on ${BackupsBucket" in dev
    assert "s3:PutBucketPolicy" not in stage + prod
    assert "No change." in stage
