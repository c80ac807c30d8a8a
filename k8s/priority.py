"""Who stays when a node runs out of room, and who is moved to make some."""

from collections.abc import Mapping

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

NODE_AGENT = "node-agent"
DATABASE = "database"
WEB = "web"

_CLASSES: Mapping[str, tuple[int, str]] = {
    NODE_AGENT: (1_000_000, "Runs on every node and can run on no other"),
    DATABASE: (100_000, "What all others wait for"),
    WEB: (10_000, "What users wait for"),
}
"""Name → value, what it is for. Values can't be changed. Pods that name no class have 0, and the
platform's own have the two system-critical classes of Kubernetes, above all of these."""


class PriorityChart(Chart):
    """Priority classes: agents before the database, the database before web, web before others."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        for name, (value, description) in _CLASSES.items():
            kube.KubePriorityClass(
                self,
                name,
                metadata=kube.ObjectMeta(name=name),
                value=value,
                description=description,
                global_default=False,
            )
