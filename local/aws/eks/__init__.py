"""EKS: the emulated API over real control planes, with simulated nodes and real RBAC."""

from local.aws import internals
from local.aws.eks import (
    access_type,
    addon_type,
    authentication,
    cluster_type,
    node_instances,
    nodegroup_type,
    pod_identity,
    scaling_groups,
)
from local.aws.eks.access import Access
from local.aws.eks.addons import Addons
from local.aws.eks.clusters import Clusters
from local.aws.eks.control_planes import ControlPlanes
from local.aws.eks.nodegroups import NodeGroups
from local.aws.eks.routes import Routes
from local.aws.eks.service import eks
from local.aws.settings import Settings


def install(settings: Settings) -> ControlPlanes:
    """Put EKS over real clusters; the answer ends them."""
    planes = ControlPlanes(settings)
    planes.remove_leftovers()
    clusters, groups = Clusters(planes), NodeGroups(planes)
    addons, access = Addons(planes), Access(planes)
    cluster_type.install(clusters)
    nodegroup_type.install(groups)
    scaling_groups.install(groups.resize)
    addon_type.install(addons)
    access_type.install(access)
    pod_identity.install()
    node_instances.install()
    authentication.install(settings, planes)
    # MiniStack's own reconciliation is asynchronous; a deploy must not outrun its permissions.
    internals.replace(eks(), "_schedule_access_policy_reconcile", lambda _stock: access.reconcile)
    internals.replace(eks(), "_handle_request_sync", Routes(clusters, groups, addons, access))
    return planes
