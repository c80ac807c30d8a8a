"""What a drill leaves out of what it restores, and what it changes."""

from delivery.changes import Change
from delivery.restore import CHANGES
from delivery.velero import DERIVED

MODIFIER = "restore-drill"
# Never restored in a drill: what serves or runs, what controllers derive, what holds volumes.
SKIPPED = (
    *DERIVED,
    "ingresses.networking.k8s.io",
    "jobs.batch",
    "pods",
    "replicasets.apps",
    "controllerrevisions.apps",
    "daemonsets.apps",
    "persistentvolumeclaims",
    "volumesnapshots.snapshot.storage.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "leases.coordination.k8s.io",
    "pods.metrics.k8s.io",
    "poddisruptionbudgets.policy",
    "targetgroupbindings.elbv2.k8s.aws",
    "events",
    "events.events.k8s.io",
)
_BALANCER = {
    "allocateLoadBalancerNodePorts": None,
    "externalTrafficPolicy": None,
    "healthCheckNodePort": None,
    "loadBalancerClass": None,
    "loadBalancerIP": None,
    "loadBalancerSourceRanges": None,
}
# The controller goes by this annotation, too, whatever the type.
_BY_ANNOTATION = "service.beta.kubernetes.io/aws-load-balancer-type"
DRILLED = (
    *CHANGES,
    Change(resource="deployments.apps", patch={"spec": {"replicas": 0}}),
    Change(resource="statefulsets.apps", patch={"spec": {"replicas": 0}}),
    Change(resource="cronjobs.batch", patch={"spec": {"suspend": True}}),
    Change(
        resource="serviceaccounts",
        patch={"metadata": {"annotations": {"eks.amazonaws.com/role-arn": None}}},
    ),
    Change(
        resource="services",
        spec={"type": "LoadBalancer"},
        patch={
            "metadata": {"annotations": {_BY_ANNOTATION: None}, "finalizers": None},
            "spec": {"type": "ClusterIP", **_BALANCER},
        },
    ),
)
"""Nothing of it runs, writes anywhere, or is reached."""
