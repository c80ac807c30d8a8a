"""The programs that really run on this machine, and what they are told here beside their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one process of a program runs."""

    kubeconfig: Path
    mounts: Mapping[str, Path]
    """The folder of each volume that holds a Secret, by the volume's name."""
    ports: Mapping[str, int]
    """The loopback port in place of each of the container's ports, by its name."""
    aws_endpoint: str


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program by the image that holds it; what `arguments` says overrides the container's own."""

    repository: str
    binary: str
    arguments: Callable[[Place], Sequence[str]]


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


PROGRAMS: Sequence[Program] = (
    Program(
        repository="public.ecr.aws/eks/aws-load-balancer-controller",
        binary="aws-load-balancer-controller",
        arguments=_load_balancer_controller,
    ),
)


def program_of(image: str) -> Program | None:
    """Return the program that an image holds, of whichever version, if one of these does."""
    repository = image.partition("@")[0].rpartition(":")[0]
    return next((program for program in PROGRAMS if program.repository == repository), None)
