"""The programs that really run on this machine, and what they are told here beside their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one process of a program runs."""

    namespace: str
    kubeconfig: Path
    mounts: Mapping[str, Path]
    """The folder of each volume that holds a Secret, by the volume's name."""
    ports: Mapping[str, int]
    """The loopback port in place of each of the container's ports, by its name."""
    aws_endpoint: str
    binary: Path
    scratch: Path
    """An empty folder in place of the pod's."""


def _nothing(place: Place) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program by the image that holds it, from whichever registry.

    What `arguments` and `environment` say overrides the container's own.
    """

    repository: str
    binary: str
    arguments: Callable[[Place], Sequence[str]]
    environment: Callable[[Place], Mapping[str, str]] = _nothing


def _load_balancer_controller(place: Place) -> Sequence[str]:
    services = "EC2", "Elastic Load Balancing v2", "ACM"
    return [
        f"--kubeconfig={place.kubeconfig}",
        f"--webhook-cert-dir={place.mounts['cert']}",
        f"--webhook-bind-port={place.ports['webhook-server']}",
        f"--metrics-bind-addr=127.0.0.1:{place.ports['metrics-server']}",
        "--health-probe-bind-addr=0",
        # One process stands for all replicas.
        "--enable-leader-election=false",
        # In AWS targets take a while to be healthy, and it looks again after 15 s. Here they are
        # healthy at once.
        "--targetgroupbinding-requeue-duration=1s",
        f"--aws-api-endpoints={','.join(f'{name}={place.aws_endpoint}' for name in services)}",
    ]


def _velero(place: Place) -> Sequence[str]:
    return [
        f"--kubeconfig={place.kubeconfig}",
        f"--plugin-dir={place.binary.parent / 'plugins'}",
        f"--metrics-address=127.0.0.1:{place.ports['http-monitoring']}",
        "--profiler-address=127.0.0.1:0",
        # What is to be seen within minutes elsewhere is waited for here.
        "--store-validation-frequency=10s",
        "--backup-sync-period=10s",
        "--item-operation-sync-frequency=1s",
    ]


def _velero_environment(place: Place) -> Mapping[str, str]:
    return {
        "VELERO_NAMESPACE": place.namespace,
        "VELERO_SCRATCH_DIR": str(place.scratch),
        # From its own folder: the path of a plug-in's socket must not pass 107 characters.
        "TMPDIR": place.scratch.name,
    }


PROGRAMS: Sequence[Program] = (
    Program(
        repository="eks/aws-load-balancer-controller",
        binary="aws-load-balancer-controller",
        arguments=_load_balancer_controller,
    ),
    Program(
        repository="velero/velero",
        binary="velero",
        arguments=_velero,
        environment=_velero_environment,
    ),
)


def program_of(image: str) -> Program | None:
    """Return the program that an image holds, of whichever version, if one of these does."""
    repository = image.partition("@")[0].rpartition(":")[0]
    return next((one for one in PROGRAMS if repository.endswith(f"/{one.repository}")), None)
