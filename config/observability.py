"""Who is woken, when the web service fails too often, and what an environment may cost."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import Problem

_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[a-z]{2,}", re.IGNORECASE)
ADDRESSES_LIMIT = 10
"""As many e-mail addresses as a notification of AWS Budgets takes."""


@dataclass(frozen=True, kw_only=True)
class Observability:
    """Where alarms go, and what raises those whose bounds are a matter of taste."""

    emails: tuple[str, ...]
    """Who gets alarms and news of the budget; each confirms once, by a link that SNS mails."""
    web_errors_per_minute: int
    """How many answers of 5xx a minute, for five minutes, wake a person."""
    monthly_budget_usd: int

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
        if self.monthly_budget_usd < 1:
            yield Problem("monthly_budget_usd", self.monthly_budget_usd, "it must be 1 or more")
