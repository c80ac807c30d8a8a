"""What must run in an environment's cluster before its workloads."""

from constructs import Construct

from config.model import Environment
from mindforce.certificate import Certificate
from mindforce.cluster import Cluster
from mindforce.cluster_autoscaler import ClusterAutoscaler
from mindforce.load_balancer_controller import LoadBalancerController
from mindforce.load_balancer_logs import LoadBalancerLogs
from mindforce.network import Network
from stacks.environment_stack import EnvironmentStack

LOAD_BALANCER = {
    # Requests with headers that servers read in different ways are how others' are smuggled in.
    "routing.http.drop_invalid_header_fields.enabled": "true",
}


class PlatformStack(EnvironmentStack):
    """The controllers, each complete before a workload needs it, and gone after the last."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        config: Environment,
        cluster: Cluster,
        network: Network,
    ) -> None:
        super().__init__(scope, id, config=config)
        platform = config.platform
        attributes = dict(LOAD_BALANCER)
        if platform.access_log_days:
            logs = LoadBalancerLogs(
                self,
                "LoadBalancerLogs",
                account=config.account,
                keep_days=platform.access_log_days,
            )
            attributes["access_logs.s3.enabled"] = "true"
            attributes["access_logs.s3.bucket"] = logs.bucket_name
        LoadBalancerController(
            self,
            "LoadBalancerController",
            cluster=cluster.cluster,
            cluster_name=config.name,
            region=config.region,
            account=config.account,
            vpc_id=network.vpc.vpc_id,
            replicas=platform.controller_replicas,
            load_balancer_attributes=attributes,
        )
        ClusterAutoscaler(
            self,
            "ClusterAutoscaler",
            cluster=cluster.cluster,
            cluster_name=config.name,
            region=config.region,
            account=config.account,
            replicas=platform.controller_replicas,
        )
        self.certificate_arn: str | None = None
        if platform.domain:
            self.certificate_arn = Certificate(
                self,
                "Certificate",
                domain_name=platform.domain.name,
                hosted_zone_id=platform.domain.hosted_zone_id,
            ).arn
