"""What a pod of Velero's namespace has on EKS, for what stands in its place here."""

import json
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

from delivery import velero
from local import access, processes
from tests.image.pod import EKS
from tests.local.machine import Machine

PODS = "pods.eks.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A service account's tokens, for the API server and for its role in AWS."""

    account: Path
    """A folder as Kubernetes mounts it."""
    eks: Path
    """A folder as EKS mounts it."""
    kubeconfig: Path
    """For who isn't in a pod."""
    credentials: str
    """The address where the second token is exchanged."""

    def env(self, eks: str = EKS) -> dict[str, str]:
        """Return what EKS tells a pod that finds its token in this folder."""
        return {
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{eks}/token",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.credentials,
        }


def identity(dev: Machine, name: str, folder: Path) -> Identity:
    """Return the identity of a service account of Velero's namespace, kept in a folder."""
    account, eks = folder / "account", folder / "eks"
    create = ("create", "token", name, "-n", velero.NAMESPACE)
    token = dev.kubectl(*create).strip()
    config = json.loads(access.kubeconfig(dev.state, dev.target).read_text())
    cluster = config["clusters"][0]["cluster"]
    account.mkdir()
    (account / "token").write_text(token)
    (account / "namespace").write_text(velero.NAMESPACE)
    (account / "ca.crt").write_bytes(b64decode(cluster["certificate-authority-data"]))
    eks.mkdir()
    (eks / "token").write_text(dev.kubectl(*create, f"--audience={PODS}").strip())
    config["users"][0]["user"] = {"token": token}
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    return Identity(account=account, eks=eks, kubeconfig=kubeconfig, credentials=_agent(dev))


def _agent(dev: Machine) -> str:
    """Where Velero's process, which has an identity of the same kind, gets its credentials."""
    (pid_file,) = dev.state.clusters.glob("*/run/velero-velero.controller.pid")
    variables = Path(f"/proc/{processes.running(pid_file)}/environ").read_text().split("\0")
    name = "AWS_CONTAINER_CREDENTIALS_FULL_URI="
    return next(one.removeprefix(name) for one in variables if one.startswith(name))
