"""What is kept of a synthesis for review: each template and each environment's manifests."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.synthesis import Synthesis, manifests

FOLDER = Path(__file__).with_name("golden")


def render(synthesis: Synthesis) -> Iterator[tuple[str, str]]:
    """Yield each file's name, relative to FOLDER, and its content."""
    for stack, template in synthesis.all():
        environment, _, name = stack.partition("-")
        text = json.dumps(dict(template), indent=1, sort_keys=True)
        yield f"{environment}/{name}.template.json", f"{text}\n"
        if objects := manifests(template):
            text = yaml.safe_dump_all(objects, sort_keys=False, width=100)
            yield f"{environment}/{name}.manifests.yaml", text
