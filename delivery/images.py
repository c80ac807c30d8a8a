"""`python -m delivery.images --output FILE`: have this commit's images, and say their digests.

An image is built and scanned once: where its tag is in the registry, its digest is taken from
there, so that the same commit gets the same templates. Beside FILE stays what each is made of.
Nothing but the standard library, git and docker is needed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from delivery.registry import Image, ImageError, log_in, publish
from delivery.scan import Scan, ScanError

ROOT = Path(__file__).parents[1]
WITHOUT_DOCKER = "REHEARSED_WITHOUT_DOCKER"
"""Set by a rehearsal only: nothing is built, and digests are made up from the tags."""


def images(repositories: Mapping[str, str], root: Path = ROOT) -> Sequence[Image]:
    """Return the images of the commit that is checked out, of those that have a repository.

    Raises ImageError.
    """
    commit = _said(["git", "rev-parse", "HEAD"], root)
    # The database restarts when its image changes, not with every commit.
    database = _said(["git", "rev-parse", "HEAD:images/database"], root)
    # What is copied into it, and what says how.
    parts = ("images/drill", "delivery", "service/values.py")
    drill = _said(["git", "rev-parse", *(f"HEAD:{part}" for part in parts)], root)
    folder = root / "images"
    made = {
        "web": (root / "Dockerfile", root, commit),
        "database": (folder / "database" / "Dockerfile", folder / "database", database),
        "drill": (folder / "drill" / "Dockerfile", root, hashlib.sha1(drill.encode()).hexdigest()),
    }
    return [
        Image(
            name=name,
            repository=repositories[name],
            dockerfile=file,
            context=context,
            tag=tag,
            revision=commit,
        )
        for name, (file, context, tag) in made.items()
        if name in repositories
    ]


def made_up(image: Image) -> str:
    """Return an image by a digest that no registry knows."""
    return f"{image.reference}@sha256:{hashlib.sha256(image.tag.encode()).hexdigest()}"


def _said(words: Sequence[str], root: Path) -> str:
    done = subprocess.run(words, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ImageError(f"git can't tell the commit: {done.stderr.strip()}")
    return done.stdout.strip()


def _repositories() -> Mapping[str, str]:
    """Return where the images come from that the table's environments run, without tags."""
    from config.environments import TABLE
    from config.release import needed

    listed = {
        "web": {one.web.image for one in TABLE.environments},
        "database": {one.database.image for one in TABLE.environments if one.database},
        "drill": {one.backup.drill_image for one in TABLE.environments},
    }
    found = {}
    for name in needed(TABLE):
        repositories = {image.partition("@")[0].rpartition(":")[0] for image in listed[name]}
        if len(repositories) != 1:
            raise ImageError(
                f"The environments must have one repository for {name}: {listed[name]}."
            )
        (found[name],) = repositories
    return found


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all images are there, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.images", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="gets the images as JSON")
    given = parser.parse_args(arguments)
    try:
        wanted = images(_repositories())
        if os.environ.get(WITHOUT_DOCKER):
            print("A rehearsal: nothing is built or scanned, and the digests are made up.")
            found = {image.name: made_up(image) for image in wanted}
        else:
            log_in(os.environ)
            with tempfile.TemporaryDirectory() as tools:
                scan = Scan(folder=given.output.parent, tools=Path(tools))
                found = {image.name: publish(image, scan) for image in wanted}
    except (ImageError, ScanError, OSError) as error:
        print(f"FAILED: {error}")
        return 1
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(found, indent=1))
    print("\n".join(found.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
