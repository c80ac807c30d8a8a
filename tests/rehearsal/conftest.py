"""A stand-in of these tests' own, with the small pipeline deployed to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.rehearsal.cloud import root
from local.rehearsal.engine import Engine
from tests.local_aws.conftest import serving
from tests.local_aws.support import ACCOUNT, REGION, Account, Server
from tests.rehearsal import small
from tests.rehearsal.killed import rehearse


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("state")
    with serving(folder, folder) as running:
        yield running


@dataclass
class World:
    """The pipeline, the clone it gets its commits from, and who approves."""

    account: Account
    repository: small.Repository
    folder: Path
    approves: bool | None = True
    said: list[str] = field(default_factory=list)
    noted: Callable[[str], None] = lambda action: None
    connection: str = small.CONNECTION

    @property
    def engine(self) -> Engine:
        return Engine(
            name=small.NAME,
            root=root(self.account.server.endpoint, self.account.key, REGION),
            repository=self.repository.folder,
            folder=self.folder,
            approve=lambda action, comment, link: self.approves,
            say=self.said.append,
            noted=lambda action: self.noted(action),
        )

    def killed(self, action: str = "", times: int = 1) -> int:
        """Rehearse in a process that dies of SIGKILL once an action is done; its exit code.

        `times` is how often the action has to be done.
        """
        self.folder.mkdir(exist_ok=True)
        endpoint, key = self.account.server.endpoint, self.account.key
        return rehearse(endpoint, key, self.repository.folder, self.folder, action, times)

    def topic(self, stage: str) -> str | None:
        return small.topic(self.account, stage)

    def change(self, **options: Any) -> None:
        """Update the pipeline's stack."""
        self.account.update("pipeline", small.template(ACCOUNT, **options))

    def runs(self) -> list[tuple[str, str]]:
        """What CodePipeline knows of its runs, the newest first: kind and status."""
        client = self.account.client("codepipeline")
        found = client.list_pipeline_executions(pipelineName=small.NAME)
        return [
            (one["executionType"], one["status"]) for one in found["pipelineExecutionSummaries"]
        ]


@pytest.fixture
def world(server: Server, tmp_path: Path) -> Iterator[World]:
    account = Account(server, ACCOUNT)
    repository = small.Repository(tmp_path / "clone")
    repository.begin()
    account.create("pipeline", small.template(ACCOUNT))
    made = World(account, repository, tmp_path / "runs")
    made.engine.root.ask(
        "ConfirmConnection", {"connectionArn": small.CONNECTION, "repository": "example/small"}
    )
    yield made
    for name in ("prod-App", "dev-App"):
        account.client("cloudformation").delete_stack(StackName=name)
    s3 = account.client("s3")
    for one in s3.list_objects_v2(Bucket=f"store-{ACCOUNT}").get("Contents", []):
        s3.delete_object(Bucket=f"store-{ACCOUNT}", Key=one["Key"])
    builds = account.client("codebuild")
    if known := builds.list_builds()["ids"]:
        builds.batch_delete_builds(ids=known)
    account.delete("pipeline")
