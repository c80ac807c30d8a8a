"""Which environments a command is about, and how a client reaches them on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.environments import TABLE
from config.model import Account, Environment
from local.errors import LocalError

ALL = "all"
SECRET = "test"
"""The stand-in's root secret: it guards nothing, and listens on loopback only."""


@dataclass(frozen=True, kw_only=True)
class AccountTarget:
    """An account at the stand-in."""

    environment: Account
    endpoint: str

    @property
    def variables(self) -> Mapping[str, str]:
        """What any AWS client needs to be this account's root; the key id is the account."""
        region = self.environment.region
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.environment.account,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            # Nothing on this machine answers there, and clients wait for it.
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True, kw_only=True)
class Target(AccountTarget):
    """An environment's account at the stand-in."""

    environment: Environment


def environments(name: str) -> Sequence[Environment]:
    """Return the environment of that name, or each for "all". Raises LocalError for another."""
    known = {environment.name: environment for environment in TABLE.environments}
    if name == ALL:
        return list(known.values())
    if name not in known:
        names = ", ".join((*known, ALL))
        raise LocalError(f"There is no environment {name!r}; ENV must be one of {names}.")
    return [known[name]]
