"""A schema as pg_dump tells it, to compare with another."""

import re
from collections import Counter
from collections.abc import Iterator

_QUOTE = re.compile(r"\$\w*\$")
"""Before and after the body of a function."""


def first_difference(before: str, after: str) -> str:
    """Return a sentence for the first part that only one of them has, or nothing."""
    olds, news = Counter(_parts(before)), Counter(_parts(after))
    for part in sorted(olds - news):
        return f"{part!r} is gone."
    for part in sorted(news - olds):
        return f"{part!r} is new."
    return ""


def _parts(schema: str) -> Iterator[str]:
    """Yield each statement; of a table each column, as one that comes again is the last."""
    statement: list[str] = []
    for line in schema.splitlines():
        statement.append(line.strip())
        # The body of a function has statements of its own.
        if line.endswith(";") and len(_QUOTE.findall(" ".join(statement))) % 2 == 0:
            first, *columns = statement
            if first.startswith("CREATE TABLE "):
                yield from (f"{first}{column.rstrip(',')}" for column in ("", *columns))
            else:
                yield " ".join(statement)
            statement = []
    yield from statement
