"""A database that answers, and not at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from delivery.process import Service, wait_for
from tests.service.answers import assert_unavailable

NOTE = {"title": "a note"}


def test_a_locked_row_is_a_503_after_the_limit(
    database_url: str, start: Callable[..., Service]
) -> None:
    service = start(database_url, DATABASE_STATEMENT_SECONDS=0.5)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(database_url) as other:
        other.execute("SELECT * FROM notes FOR UPDATE")

        assert_unavailable(service.client.put(path, json=NOTE))

        assert service.client.get(path).status_code == 200
    assert service.client.put(path, json=NOTE).status_code == 200


def test_a_pool_that_is_used_up_is_a_503_and_not_a_queue(
    database_url: str, start: Callable[..., Service]
) -> None:
    service = start(database_url, DATABASE_POOL_SIZE=1, DATABASE_POOL_WAIT_SECONDS=0.5)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT * FROM notes FOR UPDATE")
        waiting = thread.submit(service.client.put, path, json=NOTE)
        wait_for(lambda: "in_use 1.0" in service.metrics().text)

        assert_unavailable(service.client.get("/v1/notes"))

        other.rollback()
        assert waiting.result().status_code == 200
    assert service.client.get("/v1/notes").status_code == 200


def test_a_pool_that_is_used_up_is_no_reason_to_send_requests_elsewhere(
    database_url: str, start: Callable[..., Service]
) -> None:
    service = start(database_url, DATABASE_POOL_SIZE=1)
    path = f"/v1/notes/{service.client.post('/v1/notes', json=NOTE).json()['id']}"
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as thread:
        other.execute("SELECT * FROM notes FOR UPDATE")
        waiting = thread.submit(service.client.put, path, json=NOTE)
        wait_for(lambda: "in_use 1.0" in service.metrics().text)

        assert service.ready()

        other.rollback()
        assert waiting.result().status_code == 200
