"""The seam to the app: Terraform's outputs, written to config/accounts.json, which config reads."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.accounts_file import FILE, parse
from terraform.errors import AccountsError


def write(made: Mapping[str, Any], file: Path = FILE) -> bool:
    """Write what was made, whole or not at all; whether it is new.

    Raises ConfigError, and writes nothing, when config would refuse it.
    """
    parse(made)
    text = json.dumps(made, indent=2, sort_keys=True) + "\n"
    if file.exists() and file.read_text() == text:
        return False
    partial = file.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(file)
    return True


def check(made: Mapping[str, Any], file: Path = FILE) -> None:
    """Raise AccountsError, naming each difference, unless the file says what was made."""
    try:
        written = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise AccountsError(f"{_name(file)} can't be read ({error}); {_REMEDY}") from None
    found = list(_differences("", written, made))
    if found:
        listed = "\n".join(f"  {line}" for line in found)
        raise AccountsError(f"{_name(file)} isn't what Terraform made; {_REMEDY}\n{listed}")


_REMEDY = "'make accounts APPLY=1' writes it."


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _differences(path: str, written: Any, made: Any) -> Iterator[str]:
    if isinstance(written, dict) and isinstance(made, dict):
        for name in sorted({*written, *made}):
            yield from _differences(f"{path}.{name}".strip("."), written.get(name), made.get(name))
    elif written != made:
        yield f"{path} is {json.dumps(written)}; Terraform made {json.dumps(made)}"
