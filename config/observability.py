"""Who is woken, and when the web service fails too often."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import Problem

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[a-z]{2,}", re.IGNORECASE)
ADDRESSES_LIMIT = 10
"""More of them belong on a mailing list."""


@dataclass(frozen=True, kw_only=True)
class Observability:
    """Where alarms go, and what raises those whose bounds are a matter of taste."""

    emails: tuple[str, ...]
    """Who gets alarms; each confirms once, by a link that SNS mails."""
    web_errors_per_minute: int
    """How many answers of 5xx a minute, for five minutes, wake a person."""

    def problems(self) -> Iterator[Problem]:
        if not 1 <= len(set(self.emails)) == len(self.emails) <= ADDRESSES_LIMIT:
            right = f"it must be 1 to {ADDRESSES_LIMIT} different e-mail addresses"
            yield Problem("emails", self.emails, right)
        for email in self.emails:
            if not _EMAIL.fullmatch(email):
                yield Problem("emails", email, "it must be an e-mail address")
        if self.web_errors_per_minute < 1:
            yield Problem(
                "web_errors_per_minute", self.web_errors_per_minute, "it must be 1 or more"
            )
