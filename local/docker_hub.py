"""The secret with a Docker Hub login, which people make in an account before its first deploy."""

import json
import secrets
from collections.abc import Mapping

from delivery.registry import TOKEN, USERNAME
from local import access
from local.target import AccountTarget, Target

NOBODY = "nobody"
"""The user of a login that is none."""


def given(environment: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the login that a person has set for pushing images, None when there is none."""
    if not (environment.get(USERNAME) and environment.get(TOKEN)):
        return None
    return {"username": environment[USERNAME], "accessToken": environment[TOKEN]}


def ensure_secret(target: Target) -> None:
    """Make the secret that the environment's config names, with a login that is none."""
    name = target.environment.images.docker_hub_secret
    if name is not None:
        ensure(target, name)


def ensure(target: AccountTarget, name: str, login: Mapping[str, str] | None = None) -> None:
    """Make a secret of that name, with a login that is none where nobody has given one."""
    client = access.session(target).client("secretsmanager", endpoint_url=target.endpoint)
    found = client.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]
    if found and login:
        client.put_secret_value(SecretId=name, SecretString=json.dumps(login))
    elif not found:
        made = login or {"username": NOBODY, "accessToken": secrets.token_urlsafe()}
        client.create_secret(Name=name, SecretString=json.dumps(made))
