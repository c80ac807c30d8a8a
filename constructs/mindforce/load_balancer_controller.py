"""The AWS Load Balancer Controller."""

from collections.abc import Mapping

from aws_cdk import aws_eks_v2
from constructs import Construct

from mindforce import load_balancer_policy
from mindforce.helm_release import HelmRelease
from mindforce.pod_identity import PodIdentity

VERSION = "3.3.0"
"""Of the chart and the controller; the newest that also builds from its Go module."""
NAMESPACE = "kube-system"
NAME = "aws-load-balancer-controller"
INGRESS_CLASS = "alb"


class LoadBalancerController(Construct):
    """Makes a load balancer of each Ingress of class "alb", of one cluster and in one VPC."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_eks_v2.ICluster,
        cluster_name: str,
        region: str,
        account: str,
        vpc_id: str,
        replicas: int,
        load_balancer_attributes: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """`load_balancer_attributes` are those of every load balancer of the class, `tags` those of
        all that the controller makes in AWS."""
        super().__init__(scope, id)
        identity = PodIdentity(
            self,
            "Identity",
            cluster_name=cluster_name,
            namespace=NAMESPACE,
            service_account=NAME,
            statements=load_balancer_policy.statements(
                cluster_name=cluster_name, region=region, account=account, vpc_id=vpc_id
            ),
        )
        attributes = [{"key": k, "value": v} for k, v in sorted(load_balancer_attributes.items())]
        release = HelmRelease(
            self,
            "Release",
            cluster=cluster,
            name=NAME,
            repository="https://aws.github.io/eks-charts",
            chart=NAME,
            version=VERSION,
            namespace=NAMESPACE,
            values={
                "clusterName": cluster_name,
                # Pods can't ask the instance's metadata for these: it is a hop too far.
                "region": region,
                "vpcId": vpc_id,
                "serviceAccount": {"name": NAME},
                "replicaCount": replicas,
                "podDisruptionBudget": {"maxUnavailable": 1},
                "priorityClassName": "system-cluster-critical",
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"memory": "256Mi"},
                },
                # A new certificate with each upgrade would fail calls to the pods of the old one.
                "keepTLSSecret": True,
                # It would put the controller in the way of every Service, of add-ons too. Who wants
                # a load balancer names the class service.k8s.aws/nlb.
                "enableServiceMutatorWebhook": False,
                "defaultTargetType": "ip",
                "defaultTags": dict(tags),
                # Its role may not, and nobody has asked for them.
                "enableShield": False,
                "enableWaf": False,
                "enableWafv2": False,
                "ingressClass": INGRESS_CLASS,
                "ingressClassParams": {"spec": {"loadBalancerAttributes": attributes}},
            },
        )
        # Its pods get their credentials when they are made, or never.
        release.node.add_dependency(identity)
