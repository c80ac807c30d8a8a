"""The Cluster Autoscaler."""

from aws_cdk import aws_eks_v2
from constructs import Construct

from mindforce.helm_release import HelmRelease
from mindforce.pod_identity import PodIdentity

CHART_VERSION = "9.59.0"
NAMESPACE = "kube-system"
NAME = "cluster-autoscaler"


class ClusterAutoscaler(Construct):
    """Moves the size of one cluster's node groups between their bounds, and of no other's."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        cluster_name: str,
        version: str,
        region: str,
        account: str,
        replicas: int,
    ) -> None:
        """`version` is a release of the cluster's own version: it simulates its scheduler."""
        super().__init__(scope, id)
        # EKS tags the Auto Scaling groups of its node groups with it.
        tag = f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster_name}"
        identity = PodIdentity(
            self,
            "Identity",
            cluster_name=cluster_name,
            namespace=NAMESPACE,
            service_account=NAME,
            statements=[
                {
                    "Action": [
                        "autoscaling:DescribeAutoScalingGroups",
                        "autoscaling:DescribeAutoScalingInstances",
                        "autoscaling:DescribeLaunchConfigurations",
                        "autoscaling:DescribeScalingActivities",
                        "autoscaling:DescribeTags",
                        "ec2:DescribeImages",
                        "ec2:DescribeInstanceTypes",
                        "ec2:DescribeLaunchTemplateVersions",
                        "ec2:GetInstanceTypesFromInstanceRequirements",
                    ],
                    "Resource": "*",  # Lists and descriptions can't be limited to a resource.
                },
                {
                    "Action": "eks:DescribeNodegroup",
                    "Resource": f"arn:aws:eks:{region}:{account}:nodegroup/{cluster_name}/*",
                },
                {
                    "Action": [
                        "autoscaling:SetDesiredCapacity",
                        "autoscaling:TerminateInstanceInAutoScalingGroup",
                    ],
                    "Resource": f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*",
                    "Condition": {"StringEquals": {tag: "owned"}},
                },
            ],
        )
        release = HelmRelease(
            self,
            "Release",
            cluster=cluster,
            name=NAME,
            repository="https://kubernetes.github.io/autoscaler",
            chart=NAME,
            version=CHART_VERSION,
            namespace=NAMESPACE,
            values={
                "fullnameOverride": NAME,
                "image": {"tag": f"v{version}"},
                "autoDiscovery": {"clusterName": cluster_name},
                # Pods can't ask the instance's metadata: it is a hop too far.
                "awsRegion": region,
                "rbac": {"serviceAccount": {"name": NAME}},
                "replicaCount": replicas,
                "podDisruptionBudget": {"maxUnavailable": 1},
                "priorityClassName": "system-cluster-critical",
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"memory": "512Mi"},
                },
                "extraArgs": {
                    # Where a node group is zonal, its groups stay alike in size.
                    "balance-similar-node-groups": True,
                    # CoreDNS and the controllers have disruption budgets: their nodes may go.
                    "skip-nodes-with-system-pods": False,
                    "expander": "least-waste",
                },
            },
        )
        release.node.add_dependency(identity)
