"""What Terraform wrote down about the accounts that it made, checked when it is read."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.baseline import WHERE_NAMED
from config.errors import ConfigError, Problem
from config.identifiers import account_problems, region_problems

FILE = Path(__file__).with_name("accounts.json")

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_FIELDS = {"accounts", "email_domains", "management", "region", "regions", "trust"}
_TRUST = {"people", "pipeline"}
_RIGHT = "'make accounts APPLY=1' writes it from Terraform's outputs"


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """What lies under the environments. Raises ConfigError when it can't be right."""

    management: str
    """Where the organization is; it holds nothing else."""
    ids: Mapping[str, str]
    """Account ids by the names of the environments, and of the pipeline's account."""
    region: str
    regions: tuple[str, ...]
    """Where the organization lets its accounts do anything."""
    email_domains: tuple[str, ...]
    people: str
    """The account whose people may assume the roles of config/access.py."""
    pipeline: str
    """The account whose pipeline may deploy."""

    def __post_init__(self) -> None:
        if problems := list(self.problems()):
            raise ConfigError("config/accounts.json", problems)

    def __getitem__(self, name: str) -> str:
        if name not in self.ids:
            right = f"add {name!r} to terraform/organization, and to {WHERE_NAMED}; {_RIGHT}"
            raise ConfigError("config/accounts.json", [Problem("accounts", list(self.ids), right)])
        return self.ids[name]

    def problems(self) -> Iterator[Problem]:
        named = {"management": self.management}
        named |= {f"accounts.{name}": value for name, value in self.ids.items()}
        for field, value in named.items():
            if malformed := list(account_problems(field, value)):
                yield from malformed
            elif list(named.values()).count(value) > 1:
                yield Problem(field, value, "each account must have an id of its own")
        for field, value in (("trust.people", self.people), ("trust.pipeline", self.pipeline)):
            if value not in self.ids.values():
                yield Problem(field, value, f"it must be one of {', '.join(self.ids.values())}")
        for region in self.regions:
            yield from region_problems("regions", region)
        if self.region not in self.regions:
            yield Problem("region", self.region, f"it must be one of {', '.join(self.regions)}")
        for domain in self.email_domains:
            if not _DOMAIN.fullmatch(domain):
                yield Problem("email_domains", domain, "it must be a domain such as 'example.com'")


def read(file: Path = FILE) -> Accounts:
    """Return what the file says. Raises ConfigError when it isn't there, or isn't what we write."""
    try:
        return parse(json.loads(file.read_text()))
    except ConfigError:
        raise
    except (OSError, ValueError) as error:
        raise ConfigError("config/accounts.json", [Problem("it", str(error), _RIGHT)]) from None


def parse(content: Any) -> Accounts:
    """Return the accounts of a file's content. Raises ConfigError when they can't be right."""
    _check_holds("it", content, _FIELDS)
    _check_holds("trust", content["trust"], _TRUST)
    try:
        return Accounts(
            management=str(content["management"]),
            ids={name: str(value) for name, value in content["accounts"].items()},
            region=str(content["region"]),
            regions=tuple(map(str, content["regions"])),
            email_domains=tuple(map(str, content["email_domains"])),
            people=str(content["trust"]["people"]),
            pipeline=str(content["trust"]["pipeline"]),
        )
    except (TypeError, AttributeError) as error:
        raise ConfigError("config/accounts.json", [Problem("it", str(error), _RIGHT)]) from None


def _check_holds(field: str, value: Any, names: Collection[str]) -> None:
    if not isinstance(value, dict) or set(value) != set(names):
        shown = sorted(value) if isinstance(value, dict) else value
        right = f"it must hold {', '.join(sorted(names))} and nothing else; {_RIGHT}"
        raise ConfigError("config/accounts.json", [Problem(field, shown, right)])
