"""The cluster of an environment: control plane, add-ons, nodes, access."""

from aws_cdk import CfnOutput
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

from config.model import Environment
from config.network import SERVICE_CIDR
from mindforce.add_ons import AddOn
from mindforce.cluster import Cluster
from mindforce.network import Network
from mindforce.node_group import NodeGroup
from stacks.access import let_people_in
from stacks.environment_stack import EnvironmentStack

# Prefix delegation has to be there before the nodes, which count their pods' places when they
# join; without enableNetworkPolicy no NetworkPolicy is enforced.
VPC_CNI = {
    "enableNetworkPolicy": "true",
    "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"},
}


class ClusterStack(EnvironmentStack):
    """An EKS cluster whose nodes join only once their networking is there."""

    def __init__(self, scope: Construct, id: str, *, config: Environment, network: Network) -> None:
        super().__init__(scope, id, config=config)
        self.cluster = Cluster(
            self,
            "Cluster",
            name=config.name,
            version=config.cluster.version,
            vpc=network.vpc,
            service_cidr=SERVICE_CIDR,
            endpoint_cidrs=config.cluster.endpoint_cidrs,
            log_retention_days=config.cluster.log_retention_days,
            deletion_protection=config.deletion_protection,
            authentication_mode=config.access.authentication_mode,
            kubectl_layer=KubectlV35Layer(self, "KubectlLayer"),
        )
        networking = self._networking_add_ons()
        self.nodes = Construct(self, "Nodes")
        groups = [
            NodeGroup(
                self.nodes,
                group.name,
                cluster=self.cluster.cluster,
                version=config.cluster.version,
                instance_types=group.instance_types,
                ami_type=group.ami_type,
                min_size=group.min_size,
                desired_size=group.desired_size,
                max_size=group.max_size,
                disk_gib=group.disk_gib,
            )
            for group in config.cluster.node_groups
        ]
        self.nodes.node.add_dependency(networking)
        # These run as ordinary pods: without nodes they would wait, and then fail.
        for name in ("coredns", "metrics-server"):
            add_on = AddOn(self, name, cluster=self.cluster.cluster, name=name)
            add_on.node.add_dependency(self.nodes)
        let_people_in(
            self,
            config=config,
            cluster=self.cluster.cluster,
            nodes=self.nodes,
            node_roles=[group.role_arn for group in groups],
        )
        CfnOutput(self, "ClusterName", value=self.cluster.cluster.cluster_name)

    def _networking_add_ons(self) -> Construct:
        group = Construct(self, "Networking")
        cluster = self.cluster.cluster
        agent = AddOn(group, "PodIdentityAgent", cluster=cluster, name="eks-pod-identity-agent")
        cni = AddOn(
            group,
            "VpcCni",
            cluster=cluster,
            name="vpc-cni",
            configuration=VPC_CNI,
            service_account="aws-node",
            policy="AmazonEKS_CNI_Policy",
        )
        # The agent hands the CNI its credentials.
        cni.node.add_dependency(agent)
        AddOn(group, "KubeProxy", cluster=cluster, name="kube-proxy")
        return group
