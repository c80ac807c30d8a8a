"""The images of one commit in place of those that the table names, and what they run on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from config.errors import ConfigError, Problem
from config.instance_types import Architecture
from config.model import Environment, Table

ARCHITECTURES: Mapping[str, tuple[Architecture, ...]] = {
    "web": ("x86_64", "arm64"),
    # Their last stages run Debian's programs, which for another architecture are emulated.
    "database": ("x86_64",),
    "drill": ("x86_64",),
}
"""What the pipeline builds each image for."""
IMAGES = tuple(ARCHITECTURES)


def needed(table: Table) -> Sequence[str]:
    """Return the names of the images that a table's environments run."""
    database = any(environment.database for environment in table.environments)
    return [name for name in IMAGES if name != "database" or database]


def images(file: Path, names: Sequence[str] = IMAGES) -> Mapping[str, str]:
    """Return what a file says, image by name. Raises ConfigError when it can't be right."""
    right = (
        "it must be what delivery.images writes: an image by its digest for each of "
        f"{', '.join(names)}"
    )
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(str(file), [Problem("it", str(error), right)]) from None
    whole = isinstance(found, dict) and set(found) == set(names)
    if not whole or not all("@sha256:" in str(image) for image in found.values()):
        raise ConfigError(str(file), [Problem("it", found, right)])
    return {name: str(image) for name, image in found.items()}


def released(table: Table, images: Mapping[str, str]) -> Table:
    """Return the table with these images, which all environments get in their turn."""
    return replace(
        table, environments=tuple(_with(environment, images) for environment in table.environments)
    )


def _with(environment: Environment, images: Mapping[str, str]) -> Environment:
    database = environment.database
    return replace(
        environment,
        web=replace(environment.web, image=images["web"]),
        database=database and replace(database, image=images["database"]),
        backup=replace(environment.backup, drill_image=images["drill"]),
    )
