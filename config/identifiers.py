"""What AWS calls accounts and regions."""

import re
from collections.abc import Iterator

from config.errors import Problem

_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def account_problems(field: str, account: str) -> Iterator[Problem]:
    """Yield a problem unless `account` has the form of an account's id."""
    if not _ACCOUNT.fullmatch(account):
        yield Problem(field, account, "it must be the 12 digits of an AWS account")


def region_problems(field: str, region: str) -> Iterator[Problem]:
    """Yield a problem unless `region` has the form of a region's name."""
    if not _REGION.fullmatch(region):
        yield Problem(field, region, "it must be an AWS region such as 'eu-central-1'")
