"""What is kept of a synthesis for review: templates, manifests, and permissions by account."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from config.environments import TABLE
from guards.assembly import Template, Templates
from guards.permissions import lines
from guards.reviewed import FILE, by_account
from tests.synthesis import Synthesis, manifests

FOLDER = Path(__file__).with_name("golden")


def render(synthesis: Synthesis) -> Iterator[tuple[str, str]]:
    """Yield each file's name, relative to FOLDER, and its content."""
    for stack, template in synthesis.all():
        environment, _, name = stack.partition("-")
        yield f"{environment}/{name}.template.json", _text(template)
        if objects := manifests(template):
            text = yaml.safe_dump_all(objects, sort_keys=False, width=100)
            yield f"{environment}/{name}.manifests.yaml", text
    for environment, templates in synthesis.templates().items():
        yield permissions(environment, templates)


def tooling(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files of the pipeline's account, from an assembly that holds the pipeline."""
    account = TABLE.tooling.name
    templates = by_account(folder)[account]
    for stack, template in templates.items():
        yield f"{account}/{stack}.template.json", _text(template)
    yield permissions(account, templates)


def permissions(account: str, templates: Templates) -> tuple[str, str]:
    """Return an account's file of permissions, and its content."""
    return f"{account}/{FILE}", "".join(f"{line}\n" for line in lines(templates))


def _text(template: Template) -> str:
    return f"{json.dumps(dict(template), indent=1, sort_keys=True)}\n"
