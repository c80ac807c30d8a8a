"""The web chart on real nodes: restricted, behind its database, and never away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from delivery.process import wait_for
from delivery.smoke import smoke
from tests.node import processes
from tests.node.charts import DATABASE, WEB, with_spec
from tests.node.machine import PAUSE_IMAGE
from tests.node.members import Members
from tests.node.standing import Standing

LABEL = {"app.kubernetes.io/name": WEB}


@pytest.fixture
def url(production: Standing, members: Members) -> str:
    """Where web answers, with its database whole."""
    return f"http://{production.cluster.address(WEB, WEB)}:7777"


def test_every_process_is_restricted(production: Standing) -> None:
    cluster = production.cluster
    for namespace, user in ((DATABASE, "999"), (WEB, "65532")):
        found = cluster.plane.client.get(f"api/v1/namespaces/{namespace}")
        assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        for pod in production.serving(namespace):
            seen = list(processes.of_pod(pod["metadata"]["uid"]))
            assert seen
            for process in seen:
                status = process.status
                assert status["Uid"].split() == [user] * 4
                assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
                assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
                assert "ro" in process.root_options


def test_it_serves_from_the_database_whose_schema_came_first(
    production: Standing, url: str
) -> None:
    assert len(smoke(url, settle_seconds=20)) > 1
    jobs = production.cluster.items(f"apis/batch/v1/namespaces/{WEB}/jobs")
    done = [one["status"]["completionTime"] for one in jobs]
    pods = production.serving(WEB)
    assert done
    assert all(max(done) <= pod["status"]["startTime"] for pod in pods)


def test_a_new_version_that_doesn_t_start_leaves_the_old_one_serving(
    production: Standing, url: str
) -> None:
    cluster = production.cluster
    before = {one["metadata"]["name"] for one in production.serving(WEB)}
    deployment = production.charts.part("Deployment", WEB)
    try:
        with asking(url) as answers:
            # It runs, and serves nothing.
            cluster.apply(with_spec(deployment, "Deployment", image=PAUSE_IMAGE))
            wait_for(lambda: _unhealthy(production, before), 60)
        assert answers == {200}
        now = {one["metadata"]["name"] for one in cluster.pods(WEB, **LABEL)}
        assert before <= now
    finally:
        cluster.apply(deployment)
        cluster.rolled_out("deployment", WEB, WEB)


def test_no_request_is_lost_while_all_pods_are_replaced(production: Standing, url: str) -> None:
    cluster = production.cluster
    before = {one["metadata"]["name"] for one in production.serving(WEB)}
    with asking(url) as answers:
        cluster.plane.kubectl("-n", WEB, "rollout", "restart", "deployment/web")
        cluster.rolled_out("deployment", WEB, WEB)
        wait_for(
            lambda: not before & {one["metadata"]["name"] for one in cluster.pods(WEB, **LABEL)},
            120,
        )
    assert answers == {200}


def _unhealthy(production: Standing, before: set[str]) -> bool:
    """Whether a new pod has gone on not answering."""
    query = {"fieldSelector": "reason=Unhealthy"}
    events = production.cluster.items(f"api/v1/namespaces/{WEB}/events", **query)
    new = [one["count"] for one in events if one["involvedObject"]["name"] not in before]
    return max(new, default=0) > 10


@contextmanager
def asking(url: str) -> Iterator[set[Any]]:
    """Ask for notes, over a new connection each time, and gather all that is answered."""
    answers: set[Any] = set()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.add(httpx.get(f"{url}/v1/notes?limit=1", timeout=10).status_code)
            except httpx.HTTPError as error:
                answers.add(repr(error))
            done.wait(0.02)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()
