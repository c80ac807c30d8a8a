"""What answers that refuse have to look like."""

import httpx


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")


def assert_unavailable(answer: httpx.Response) -> None:
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
