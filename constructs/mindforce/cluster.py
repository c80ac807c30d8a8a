"""An EKS cluster."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Annotations, RemovalPolicy, aws_ec2, aws_eks_v2, aws_kms, aws_lambda, aws_logs
from constructs import Construct

from mindforce.log_group import LogGroup

_LOGS = (
    aws_eks_v2.ClusterLoggingTypes.API,
    aws_eks_v2.ClusterLoggingTypes.AUDIT,
    aws_eks_v2.ClusterLoggingTypes.AUTHENTICATOR,
    aws_eks_v2.ClusterLoggingTypes.CONTROLLER_MANAGER,
    aws_eks_v2.ClusterLoggingTypes.SCHEDULER,
)


class Cluster(Construct):
    """A cluster with encrypted secrets, all logs kept, and no access but what is granted."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        version: str,
        vpc: aws_ec2.IVpc,
        service_cidr: str,
        endpoint_cidrs: Sequence[str],
        log_retention_days: int,
        deletion_protection: bool,
        authentication_mode: str,
        support_type: str,
        zonal_shift: bool,
        kubectl_layer: aws_lambda.ILayerVersion,
    ) -> None:
        super().__init__(scope, id)
        # CDK's own log groups are named by the functions, go before them, and are made again by
        # Lambda for their last lines.
        self.node.set_context("@aws-cdk/aws-lambda:useCdkManagedLogGroup", False)
        key = aws_kms.Key(
            self,
            "Key",
            description=f"Secrets in etcd of cluster {name}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # EKS makes this group by itself, without retention, if it isn't there before the cluster.
        logs = LogGroup(
            self, "Logs", name=f"/aws/eks/{name}/cluster", retention_days=log_retention_days
        )
        cluster = aws_eks_v2.Cluster(
            self,
            "Cluster",
            cluster_name=name,
            version=aws_eks_v2.KubernetesVersion.of(version),
            vpc=vpc,
            vpc_subnets=[
                aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS)
            ],
            service_ipv4_cidr=service_cidr,
            endpoint_access=_endpoint_access(endpoint_cidrs),
            cluster_logging=list(_LOGS),
            secrets_encryption_key=key,
            default_capacity_type=aws_eks_v2.DefaultCapacityType.NODEGROUP,
            default_capacity=0,
            # Both replace the cluster when changed later, so they are settled from the first day.
            bootstrap_self_managed_addons=False,
            bootstrap_cluster_creator_admin_permissions=False,
            kubectl_provider_options=aws_eks_v2.KubectlProviderOptions(kubectl_layer=kubectl_layer),
            output_config_command=False,
        )
        # The network tags its subnets itself.
        Annotations.of(cluster).acknowledge_warning("@aws-cdk/aws-eks:clusterMustManuallyTagSubnet")
        cluster.node.add_dependency(logs)
        resource = cluster.node.default_child
        assert isinstance(resource, aws_eks_v2.CfnCluster)
        # aws_eks_v2 writes API, from which there is no way back to aws-auth.
        resource.add_property_override("AccessConfig.AuthenticationMode", authentication_mode)
        resource.deletion_protection = deletion_protection
        # EKS's default is the extended support that costs six times as much an hour.
        resource.upgrade_policy = aws_eks_v2.CfnCluster.UpgradePolicyProperty(
            support_type=support_type
        )
        resource.zonal_shift_config = aws_eks_v2.CfnCluster.ZonalShiftConfigProperty(
            enabled=zonal_shift
        )

        self.function_logs = LogGroup(self, "KubectlLogs", retention_days=log_retention_days)
        """Of the functions that reach into the cluster."""
        _log_to(self.function_logs, cluster)
        # Its generated class lacks one member of the interface that it implements in JavaScript.
        self.cluster = cast(aws_eks_v2.ICluster, cluster)
        self.name = cluster.cluster_name
        self.key_arn = key.key_arn
        """Of the key that secrets in etcd are encrypted with."""
        self.issuer_url = resource.attr_open_id_connect_issuer_url


def _endpoint_access(cidrs: Sequence[str]) -> aws_eks_v2.EndpointAccess:
    if not cidrs:
        return aws_eks_v2.EndpointAccess.PRIVATE
    return aws_eks_v2.EndpointAccess.PUBLIC_AND_PRIVATE.only_from(*cidrs)


def _log_to(group: aws_logs.LogGroup, cluster: aws_eks_v2.Cluster) -> None:
    """Give the kubectl provider's functions a log group that is there before and after them.

    Lambda would make their own by itself, kept for good, even after the stack.
    """
    name = group.log_group_name
    provider = cluster.node.find_child("KubectlProvider").node
    framework = provider.find_child("Provider").node.find_child("framework-onEvent")
    for construct in (provider.find_child("Handler"), framework):
        function = construct.node.default_child
        assert isinstance(function, aws_lambda.CfnFunction)
        function.add_property_override("LoggingConfig.LogGroup", name)
