"""What pods have in common: the least that a process can have, and the size it is given."""

from cdk8s_plus_27 import k8s as kube


def restricted_pod(user: int, *, owns_volumes: bool = False) -> kube.PodSecurityContext:
    """Return the context of a pod that runs as one user, and whose volumes may be its group's."""
    return kube.PodSecurityContext(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=user if owns_volumes else None,
        # Otherwise a volume's files are opened to the group again at each start, and PostgreSQL
        # refuses a data directory that others than its owner could read.
        fs_group_change_policy="OnRootMismatch" if owns_volumes else None,
        seccomp_profile=kube.SeccompProfile(type="RuntimeDefault"),
    )


def root_pod() -> kube.PodSecurityContext:
    """Return the context of a pod that k8s/exceptions.py lets run as root."""
    return kube.PodSecurityContext(
        run_as_user=0,
        run_as_group=0,
        seccomp_profile=kube.SeccompProfile(type="RuntimeDefault"),
    )


def restricted_container() -> kube.SecurityContext:
    return kube.SecurityContext(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=kube.Capabilities(drop=["ALL"]),
    )


def resources(cpu: str, memory: str) -> kube.ResourceRequirements:
    """Return requests, and a limit of memory only: one of CPU throttles while the node idles."""
    quantity = kube.Quantity.from_string
    return kube.ResourceRequirements(
        requests={"cpu": quantity(cpu), "memory": quantity(memory)},
        limits={"memory": quantity(memory)},
    )
