"""The app with as many environments as asked for: python -m benchmarks.many_environments N."""

import gc
import json
import sys

if __name__ == "__main__":
    gc.disable()

from dataclasses import replace

import app
from config.environments import PROD, TABLE
from local.paths import ROOT

FIRST_ACCOUNT = 100000000000


def main(count: int) -> None:
    """Synthesize `count` environments like production, each in its account and network."""
    environments = tuple(
        replace(
            PROD,
            name=f"env{number:02}",
            account=str(FIRST_ACCOUNT + number),
            network=replace(PROD.network, cidr=f"10.{number}.0.0/16"),
        )
        for number in range(count)
    )
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app.build(replace(TABLE, environments=environments), context=context).synth()


if __name__ == "__main__":
    main(int(sys.argv[1]))
