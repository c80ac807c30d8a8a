"""What must run in an environment's cluster before its workloads."""

from constructs import Construct

from config.model import Environment
from mindforce.certificate import Certificate
from mindforce.cluster_autoscaler import ClusterAutoscaler
from mindforce.load_balancer_controller import LoadBalancerController
from mindforce.load_balancer_logs import LoadBalancerLogs
from mindforce.network import Network
from stacks.backup import BackupStack
from stacks.cluster import ClusterStack
from stacks.environment_stack import EnvironmentStack
from stacks.velero import make_backups

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
        cluster: ClusterStack,
        network: Network,
        backup: BackupStack,
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
        here = cluster.cluster.cluster
        LoadBalancerController(
            self,
            "LoadBalancerController",
            cluster=here,
            cluster_name=config.name,
            region=config.region,
            account=config.account,
            vpc_id=network.vpc_id,
            replicas=platform.controller_replicas,
            load_balancer_attributes=attributes,
            tags=config.tags,
        )
        ClusterAutoscaler(
            self,
            "ClusterAutoscaler",
            cluster=here,
            cluster_name=config.name,
            version=config.cluster.autoscaler_version,
            region=config.region,
            account=config.account,
            replicas=platform.controller_replicas,
        )
        make_backups(self, config=config, cluster=cluster, backup=backup)
        self.certificate_arn: str | None = None
        if platform.domain:
            self.certificate_arn = Certificate(
                self,
                "Certificate",
                domain_name=platform.domain.name,
                hosted_zone_id=platform.domain.hosted_zone_id,
            ).arn
