import json
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from delivery.process import Service, wait_for
from service.metrics import BUCKETS, Durations


def lines_of(service: Service, identity: str) -> list[dict[str, object]]:
    return wait_for(
        lambda: [one for one in service.lines() if one.get("request_id") == identity], 5
    )


def test_a_request_is_logged_with_the_id_that_it_came_with(shared: Service) -> None:
    answer = shared.client.get("/v1/notes?limit=1", headers={"x-request-id": "my-id.1"})
    assert answer.headers["x-request-id"] == "my-id.1"
    (line,) = lines_of(shared, "my-id.1")
    assert line["method"] == "GET"
    assert line["path"] == line["route"] == "/v1/notes"
    assert line["status"] == 200
    assert isinstance(line["seconds"], float)


@pytest.mark.parametrize("given", [None, "", "a b", 'x"y', "x" * 65])
def test_a_request_without_a_proper_id_gets_one(shared: Service, given: str | None) -> None:
    headers = {} if given is None else {"x-request-id": given}
    identity = shared.client.get("/nowhere", headers=headers).headers["x-request-id"]
    assert len(identity) == 32
    (line,) = lines_of(shared, identity)
    assert (line["route"], line["status"]) == ("none", 404)


def test_probes_are_not_logged_while_all_is_well(shared: Service) -> None:
    for path in ("/healthz", "/readyz"):
        shared.client.get(path, headers={"x-request-id": "a-probe"})
    shared.client.get("/nowhere", headers={"x-request-id": "after-the-probes"})
    lines_of(shared, "after-the-probes")
    assert not [one for one in shared.lines() if one.get("request_id") == "a-probe"]


def test_metrics_count_requests_by_route_and_not_by_path(shared: Service) -> None:
    def counted() -> float:
        wanted = 'seconds_count{method="GET",route="/v1/notes/{id}",status="404"} '
        for line in shared.metrics().text.splitlines():
            if wanted in line:
                return float(line.rpartition(" ")[2])
        return 0.0

    before = counted()
    for number in range(3):
        shared.client.get(f"/v1/notes/unknown-{number}")
    assert counted() == before + 3
    answer = shared.metrics()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "unknown" not in answer.text
    assert "process_resident_memory_bytes" in answer.text
    assert "database_connections_in_use 0.0" in answer.text


def test_metrics_are_not_where_the_load_balancer_leads(client: httpx.Client) -> None:
    assert client.get("/metrics").status_code == 404


def test_durations_are_told_as_prometheus_own_histogram_tells_them() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations()
    ours.register(durations)
    histogram = Histogram(
        "http_request_duration_seconds",
        "Time from the request's headers to the end of the answer.",
        ("method", "route", "status"),
        buckets=BUCKETS,
        registry=theirs,
    )
    for seconds in (0.0, 0.001, 0.0011, 0.3, 10.0, 11.0):
        for status in (200, 404):
            durations.add(("GET", "/", status), seconds)
            histogram.labels("GET", "/", status).observe(seconds)
    lines = generate_latest(theirs).decode().splitlines()
    # Theirs also tells when it was made.
    wanted = [one for one in lines if "_created" not in one]
    assert generate_latest(ours).decode().splitlines() == wanted


def test_a_made_up_method_makes_no_time_series(shared: Service) -> None:
    shared.client.request("PROPFIND", "/v1/notes")
    text = shared.metrics().text
    assert "PROPFIND" not in text
    assert 'method="other"' in text


def test_the_document_is_the_one_for_review(client: httpx.Client) -> None:
    """A change of the API shows in the diff; renew with `python -m tests.service.renew`."""
    golden = Path(__file__).with_name("openapi.json")
    assert client.get("/openapi.json").json() == json.loads(golden.read_text())


@pytest.mark.parametrize("path", ["/v1/notes", "/v1/notes/unknown", "/v1/notes?limit=x"])
def test_what_people_wrote_is_not_kept_or_taken_for_something_else(
    client: httpx.Client, path: str
) -> None:
    headers = client.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_statement_that_fails_is_logged_without_what_people_wrote(
    start: Callable[..., Service], database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE notes ADD CONSTRAINT kind CHECK (title <> 'my secret')")
    service = start(database_url)
    note = {"title": "my secret", "body": "hunter2"}
    answer = service.client.post("/v1/notes", json=note, headers={"x-request-id": "refused"})
    assert answer.status_code == 500
    said = str(lines_of(service, "refused"))
    assert 'violates check constraint "kind"' in said.replace("\\", "")
    assert "my secret" not in said
    assert "hunter2" not in said
