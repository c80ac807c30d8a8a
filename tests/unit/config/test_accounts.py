"""What Terraform wrote is read whole, or refused in a sentence."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from config import accounts_file
from config.accounts import ACCOUNTS
from config.baseline import WHERE_NAMED
from config.environments import TABLE
from config.errors import ConfigError
from local.paths import ROOT

CONTENT: dict[str, Any] = json.loads(accounts_file.FILE.read_text())


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the committed content with one value replaced."""
    content = json.loads(json.dumps(CONTENT))
    *parents, last = path.split(".")
    inner = content
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return dict(content)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("accounts.dev", "1234", "accounts.dev is '1234'; it must be the 12 digits of an AWS acc"),
        ("accounts.dev", CONTENT["accounts"]["prod"], "each account must have an id of its own"),
        ("management", "root", "management is 'root'; it must be the 12 digits of an AWS account"),
        ("management", CONTENT["accounts"]["prod"], "each account must have an id of its own"),
        ("region", "no-where-1", f"it must be one of {', '.join(CONTENT['regions'])}"),
        (
            "regions",
            [*CONTENT["regions"], "europe"],
            "regions is 'europe'; it must be an AWS region",
        ),
        ("email_domains", ["example"], "email_domains is 'example'; it must be a domain such as"),
        ("trust.people", "999999999999", "trust.people is '999999999999'; it must be one of"),
        ("trust.pipeline", "999999999999", "trust.pipeline is '999999999999'; it must be one of"),
        (
            "trust",
            {"people": "4"},
            "trust is ['people']; it must hold people, pipeline and nothing",
        ),
        ("trust", None, "trust is None; it must hold people, pipeline and nothing else; 'make acc"),
        ("accounts", ["111111111111"], "no attribute 'items'\"; 'make accounts APPLY=1' writes"),
        ("regions", 1, "object is not iterable\"; 'make accounts APPLY=1' writes it"),
        ("comment", "", "it must hold accounts, email_domains, management, region"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    path: str, value: Any, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        accounts_file.parse(changed(path, value))
    assert str(caught.value).startswith("config/accounts.json: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "5", "null"])
def test_a_file_that_is_missing_or_broken_says_how_to_get_it(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "accounts.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match="'make accounts APPLY=1' writes it from Terraform"):
        accounts_file.read(file)


def test_an_environment_without_an_account_is_told_where_to_add_it() -> None:
    with pytest.raises(ConfigError) as caught:
        ACCOUNTS["qa"]
    assert f"add 'qa' to terraform/organization, and to {WHERE_NAMED}; 'make acc" in str(
        caught.value
    )


def test_what_names_an_account_by_hand_names_each() -> None:
    listed = re.fullmatch(r"(\S+/)\{(.+)\}(\.tf) and its (\w+)", WHERE_NAMED)
    assert listed
    folder, files, suffix, budgets = listed.groups()
    texts = [(ROOT / f"{folder}{file}{suffix}").read_text() for file in files.split(",")]
    texts.append(
        json.dumps(json.loads((ROOT / folder / "terraform.tfvars.json").read_text())[budgets])
    )
    for name in ACCOUNTS.ids:
        assert all(re.search(rf"\b{name}\b", text) for text in texts), name


def test_every_environment_lies_in_an_account_that_terraform_made() -> None:
    made = {account.name: account.account for account in (*TABLE.environments, TABLE.tooling)}
    assert made == dict(ACCOUNTS.ids)
