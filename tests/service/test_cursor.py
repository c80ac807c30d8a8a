from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cursor import Position, decode, encode


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_is_the_position_again(created_at: datetime, identity: UUID) -> None:
    position = Position(created_at, identity)
    cursor = encode(position)
    assert decode(cursor) == position
    assert len(cursor) == 32


@given(st.text(max_size=40))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        position = decode(text)
    except ValueError:
        return
    assert encode(position) == text


@pytest.mark.parametrize("text", ["", "A" * 31, "A" * 33, "f" + "_" * 31])
def test_what_holds_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a cursor|padding|ascii"):
        decode(text)
