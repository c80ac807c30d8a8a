"""The app over accounts that a test made: python -m tests.terraform.app ACCOUNTS.json."""

import sys
from dataclasses import replace
from pathlib import Path

import app
from config.accounts_file import read
from config.environments import TABLE


def main(file: Path) -> None:
    accounts = read(file)
    environments = tuple(
        replace(environment, account=accounts[environment.name], region=accounts.region)
        for environment in TABLE.environments
    )
    tooling = replace(TABLE.tooling, account=accounts["tooling"], region=accounts.region)
    app.synthesize(replace(TABLE, environments=environments, tooling=tooling))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
