"""A pod as a manifest has it, run of an image on this machine."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.image.container import Container, Mount, running
from tests.image.images import Image

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
EKS = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
"""Where EKS's webhook puts the token that a pod gets its role by."""


@contextmanager
def scheduled(
    image: Image,
    cron: Mapping[str, Any],
    *,
    env: Mapping[str, str],
    mounts: Sequence[Mount],
    output: Path,
) -> Iterator[Container]:
    """Run what a CronJob would: its command, its environment, its empty folders.

    `env` is what EKS adds or a test overrides, `mounts` what drivers and kubelets mount.
    """
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    user = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    assert image.config["User"] == user
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    made = {"emptyDir", "ephemeral"}
    folders = {volume["name"] for volume in pod["volumes"] if made & set(volume)}
    empty = [Mount(one["mountPath"]) for one in container["volumeMounts"] if one["name"] in folders]
    command = container.get("command", image.config["Entrypoint"])
    given = {one["name"]: one["value"] for one in container["env"]}
    with running(
        image,
        *command,
        *container["args"],
        env={**given, **env},
        output=output,
        mounts=[*empty, *mounts],
    ) as made_container:
        yield made_container
