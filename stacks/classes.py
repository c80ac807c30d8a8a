"""What a cluster offers to all its namespaces: storage, priorities, and what people may do."""

from functools import cache

from aws_cdk import aws_eks_v2
from cdk8s import App
from constructs import Construct, IDependable

from k8s.priority import PriorityChart
from k8s.storage import StorageChart
from mindforce.manifest import Manifest, Objects


def offer_classes(
    scope: Construct,
    *,
    cluster: aws_eks_v2.ICluster,
    disk_key_arn: str,
    rules: Objects,
    after: IDependable,
) -> None:
    """Make the classes, after what defines the kinds of some of them, and people's rules."""
    storage: Objects = StorageChart(App(), "storage", key_arn=disk_key_arn).to_json()
    classes = Manifest(
        scope,
        "Classes",
        cluster=cluster,
        # One manifest: each is a custom resource, of which an environment has no more than 20.
        objects=[*storage, *_priorities(), *rules],
        overwrite=True,
        # What volumes were made by outlives the table.
    )
    classes.node.add_dependency(after)


# The same for every environment, and a chart costs more than all else here.
@cache
def _priorities() -> Objects:
    priorities: Objects = PriorityChart(App(), "priorities").to_json()
    return priorities
