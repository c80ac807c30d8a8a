"""What a cluster's pods choose from by name: storage and priorities."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import aws_eks_v2
from cdk8s import App
from constructs import Construct, IDependable

from k8s.priority import PriorityChart
from k8s.storage import StorageChart

Manifest = Sequence[Mapping[str, Any]]


def offer_classes(
    scope: Construct, *, cluster: aws_eks_v2.ICluster, disk_key_arn: str, after: IDependable
) -> None:
    """Make the classes, after what defines the kinds of some of them."""
    storage: Manifest = StorageChart(App(), "storage", key_arn=disk_key_arn).to_json()
    classes = aws_eks_v2.KubernetesManifest(
        scope,
        "Classes",
        cluster=cluster,
        manifest=[*storage, *_priorities()],
        overwrite=True,
        # What volumes were made by outlives the table.
        prune=False,
    )
    classes.node.add_dependency(after)


# The same for every environment, and a chart costs more than all else here.
@cache
def _priorities() -> Manifest:
    manifest: Manifest = PriorityChart(App(), "priorities").to_json()
    return manifest
