"""`python -m delivery.asset_manifests FOLDER`: let the pinned cdk-assets read what the app made.

cdk-assets follows aws-cdk-lib by weeks, and refuses an asset manifest whose version is one ahead.
"""

import argparse
import json
import sys
from pathlib import Path

_PACKAGE = Path(__file__).parents[1] / "node_modules" / "cdk-assets" / "package.json"
_SCHEMA = "@aws-cdk/cloud-assembly-schema"
_KNOWN = {"version", "files", "dockerImages"}
"""What a manifest has held since cdk-assets reads them."""


class ManifestError(Exception):
    """A manifest that cdk-assets could not read; the message says why."""


def readable_version(package: Path = _PACKAGE) -> int:
    """Return the newest major version of the schema that cdk-assets was built with."""
    built_with = json.loads(package.read_text())["devDependencies"][_SCHEMA]
    return int(built_with.partition(".")[0])


def lower(folder: Path, version: int) -> list[Path]:
    """Write `version` into manifests that are one ahead of it, and return these.

    Raises ManifestError for one that is further ahead, or holds what cdk-assets can't know.
    """
    changed = []
    for file in sorted(folder.rglob("*.assets.json")):
        manifest = json.loads(file.read_text())
        found = int(manifest["version"].partition(".")[0])
        if found <= version:
            continue
        if found > version + 1 or set(manifest) - _KNOWN:
            raise ManifestError(
                f"{file} is of version {found} with {', '.join(sorted(manifest))}; cdk-assets "
                f"reads {version}: pin a newer one in package.json."
            )
        file.write_text(json.dumps({**manifest, "version": f"{version}.0.0"}, indent=2))
        changed.append(file)
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all can be read, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m delivery.asset_manifests", description=__doc__)
    parser.add_argument("folder", type=Path, help="a cloud assembly")
    given = parser.parse_args(arguments)
    try:
        lower(given.folder, readable_version())
    except ManifestError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
