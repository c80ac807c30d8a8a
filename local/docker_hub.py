"""The secret with a Docker Hub login, which people make in an account before its first deploy."""

import json
import secrets

from local import access
from local.target import AccountTarget, Target


def ensure_secret(target: Target) -> None:
    """Make the secret that the environment's config names, with a login that is none."""
    name = target.environment.images.docker_hub_secret
    if name is not None:
        ensure(target, name)


def ensure(target: AccountTarget, name: str) -> None:
    """Make a secret of that name, with a login that is none."""
    client = access.session(target).client("secretsmanager", endpoint_url=target.endpoint)
    if client.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]:
        return
    login = {"username": "nobody", "accessToken": secrets.token_urlsafe()}
    client.create_secret(Name=name, SecretString=json.dumps(login))
