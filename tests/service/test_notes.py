from uuid import UUID

import httpx
import pytest


def create(client: httpx.Client, title: str = "a note", body: str = "its body") -> dict[str, str]:
    answer = client.post("/v1/notes", json={"title": title, "body": body})
    assert answer.status_code == 201
    note: dict[str, str] = answer.json()
    return note


def test_a_created_note_is_read_back_where_its_location_says(client: httpx.Client) -> None:
    answer = client.post("/v1/notes", json={"title": "Größe ≤ 漢字", "body": "'; DROP TABLE notes"})

    assert answer.status_code == 201
    note = client.get(answer.headers["location"]).json()
    assert note == answer.json()
    assert (note["title"], note["body"]) == ("Größe ≤ 漢字", "'; DROP TABLE notes")
    assert UUID(note["id"])
    assert note["created_at"] == note["updated_at"]


def test_a_body_may_be_left_out(client: httpx.Client) -> None:
    assert client.post("/v1/notes", json={"title": "t"}).json()["body"] == ""


def test_replacing_changes_the_note_and_its_time(client: httpx.Client) -> None:
    note = create(client)

    answer = client.put(f"/v1/notes/{note['id']}", json={"title": "new"})

    assert answer.status_code == 200
    changed = client.get(f"/v1/notes/{note['id']}").json()
    assert changed == answer.json()
    assert (changed["title"], changed["body"]) == ("new", "")
    assert changed["created_at"] == note["created_at"]
    assert changed["updated_at"] > note["updated_at"]


def test_a_deleted_note_is_gone(client: httpx.Client) -> None:
    path = f"/v1/notes/{create(client)['id']}"

    deleted = client.delete(path)
    assert deleted.status_code == 204
    # HTTP forbids to tell of a body's length, or type, where there can be none.
    assert not {"content-length", "content-type", "transfer-encoding"} & set(deleted.headers)
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("identity", [str(UUID(int=0)), "7", "%00", "' OR 1=1"])
def test_a_note_that_is_not_there_is_a_404(
    client: httpx.Client, method: str, identity: str
) -> None:
    body = {"title": "t"} if method == "PUT" else None

    answer = client.request(method, f"/v1/notes/{identity}", json=body)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_pages_hold_every_note_once_newest_first_while_notes_are_added(
    client: httpx.Client,
) -> None:
    mine = [create(client, title=f"page {number}")["id"] for number in range(7)]
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 3}
    while not set(mine) <= set(seen):
        page = client.get("/v1/notes", params=query).json()
        assert len(page["items"]) == 3
        seen += [note["id"] for note in page["items"]]
        create(client, title="later")
        query["cursor"] = page["next"]

    assert [one for one in seen if one in mine] == mine[::-1]
    assert len(seen) == len(set(seen))


def test_the_last_page_names_no_next(client: httpx.Client) -> None:
    create(client)
    query: dict[str, str | int] = {"limit": 100}
    for _ in range(1000):
        page = client.get("/v1/notes", params=query).json()
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert page["next"] is None
    assert 0 < len(page["items"]) <= 100


def test_head_answers_as_get_without_a_body(client: httpx.Client) -> None:
    note = create(client)
    answer = client.head(f"/v1/notes/{note['id']}")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0
