"""docs/cost.md counts what the table holds, and its sum is that of its prices."""

from pathlib import Path

import pytest

from tests.snapshot import cost


def test_the_page_says_what_the_table_holds_and_what_that_sums_up_to() -> None:
    assert cost.PAGE.read_text() == cost.page(), "'make snapshots' renews docs/cost.md"


def test_what_has_no_price_yet_is_in_no_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = cost.PAGE.read_text()
    page = tmp_path / "cost.md"
    page.write_text("".join(row for row in text.splitlines(True) if "NAT gateway |" not in row))
    monkeypatch.setattr(cost, "PAGE", page)
    assert "| NAT gateway | ? an hour | " in cost.page()
    assert "| **a month** | | **?**" in cost.page()
    # And stays so until somebody writes it.
    page.write_text(cost.page())
    assert cost.page() == page.read_text()
