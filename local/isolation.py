"""Keeps the user's AWS settings and proxies out of what is meant for this machine."""

from collections.abc import Mapping

_FOREIGN = ("AWS_", "CDK_DEFAULT")
LOOPBACK = "127.0.0.1,localhost"


def isolated(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without credentials, profiles and proxies for this machine."""
    clean = {k: v for k, v in environment.items() if not k.startswith(_FOREIGN)}
    for name in ("NO_PROXY", "no_proxy"):
        clean[name] = ",".join(filter(None, (clean.get(name), LOOPBACK)))
    return clean
