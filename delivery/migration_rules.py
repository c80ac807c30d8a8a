"""What a migration must not do, beside what squawk has a rule against."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# Comments, strings and bodies of functions: what is in them is not the migration's own statement.
_QUOTED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)


class Finding(NamedTuple):
    """What a statement must not do, and why in a sentence."""

    rule: str
    why: str


class Rule(NamedTuple):
    """Statements that begin as `pattern` does, in capitals and with single spaces."""

    name: str
    why: str
    pattern: re.Pattern[str]


def _rule(name: str, why: str, *patterns: str) -> Rule:
    return Rule(name, why, re.compile("|".join(patterns)))


RULES = (
    _rule(
        "changes-rows",
        "It changes or copies rows, and holds their locks until it has come to the last; that is "
        "done in batches, outside of migrations.",
        # Alembic notes the revision so.
        r"(UPDATE|DELETE|MERGE|TRUNCATE)\b(?! ALEMBIC_VERSION SET)",
        r"INSERT\b(?!.*\bVALUES\b)",
        r"WITH\b.*\b(UPDATE|DELETE|INSERT|MERGE)\b",
        r"CREATE .*\bTABLE .*\bAS (SELECT|TABLE|VALUES|WITH|EXECUTE)\b",
        r"SELECT\b.*\bINTO\b",
    ),
    _rule("locks-table", "It locks a table until the migration ends.", r"LOCK\b"),
    _rule(
        "rewrites-table",
        "It locks a table until it is rewritten, or read to its end.",
        r"CLUSTER\b",
        r"VACUUM\b.*\bFULL\b",
        r"REFRESH MATERIALIZED VIEW (?!CONCURRENTLY\b)",
        r"ALTER TABLE .*\bSET (UNLOGGED|LOGGED|TABLESPACE|ACCESS METHOD)\b",
        r"ALTER TABLE .*\b(ATTACH PARTITION\b|DETACH PARTITION\b(?!.*\bCONCURRENTLY\b))",
    ),
    _rule(
        "takes-rights",
        "The old code may not do any more what it does.",
        r"REVOKE\b",
        r"ALTER .*\bOWNER TO\b",
        r"ALTER TABLE .*\b(ENABLE|FORCE) ROW LEVEL SECURITY\b",
    ),
    _rule(
        "waits-for-locks",
        "How long a migration may wait for a lock is for service.migrate to say.",
        r"(SET|RESET)\b.*\bLOCK_TIMEOUT\b",
        r"(RESET|DISCARD) ALL\b",
        r".*\bSET_CONFIG ?\(",
    ),
    _rule(
        "turns-off-checks",
        "What others rely on would not hold for what is written meanwhile.",
        r"ALTER TABLE .*\bDISABLE (TRIGGER|RULE)\b",
        r"(SET|RESET)\b.*\bSESSION_REPLICATION_ROLE\b",
    ),
    _rule(
        "hides",
        "What it does can't be read here; the statements themselves can.",
        r"(DO|CALL|PREPARE|EXECUTE)\b",
        # A call of a function; how long the migration waits has a rule of its own.
        r"(WITH\b.*\b)?SELECT\b(?!.*\bSET_CONFIG ?\().*[\w\"] ?\(",
    ),
)


def findings(sql: str) -> Iterator[Finding]:
    """Yield what is wrong with the statements of `sql`, for PostgreSQL."""
    if "squawk-ignore" in sql:
        yield Finding("silences", "A migration says itself that nobody should look at it.")
    for statement in _QUOTED.sub("''", sql).split(";"):
        words = " ".join(statement.replace("''", " ").upper().split())
        for rule in RULES:
            if rule.pattern.match(words):
                yield Finding(rule.name, rule.why)
