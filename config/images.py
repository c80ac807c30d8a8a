"""Where the nodes of an environment get their images from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import Problem

SECRET_PREFIX = "ecr-pullthroughcache/"
"""ECR uses only secrets whose names begin with it."""
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]+")
_AS_IN_AN_ARN = re.compile(r"-[A-Za-z0-9]{6}$")
"""Secrets Manager takes an ARN that ends so for a whole one; ours ends with the name."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """How images of Docker Hub reach the nodes."""

    docker_hub_secret: str | None
    """Name of the account's secret with a Docker Hub `username` and `accessToken`.

    With one, nodes pull through a cache in ECR, so that rate limits and private repositories stop
    no roll-out; None pulls from Docker Hub itself, as anybody. Nothing here makes the secret or
    reads it: docs/first-real-deploy.md has the command that does.
    """

    def problems(self) -> Iterator[Problem]:
        name = self.docker_hub_secret
        if name is None:
            return
        rest = name.removeprefix(SECRET_PREFIX)
        if rest == name or not _NAME.fullmatch(rest):
            right = f"it must be the name of a secret that begins with '{SECRET_PREFIX}', or None"
            yield Problem("docker_hub_secret", name, right)
        elif _AS_IN_AN_ARN.search(rest):
            right = (
                "it must not end like an ARN of a secret, with a hyphen and six letters or digits"
            )
            yield Problem("docker_hub_secret", name, right)
