"""All stacks of one environment."""

from aws_cdk import Environment as CdkEnvironment
from aws_cdk import PermissionsBoundary, Stage
from constructs import Construct

from config.baseline import BOUNDARY
from config.model import Environment
from stacks.backup import BackupStack
from stacks.cluster import ClusterStack
from stacks.network import NetworkStack
from stacks.observability import ObservabilityStack
from stacks.platform import PlatformStack
from stacks.workloads import WorkloadsStack


class EnvironmentStage(Stage):
    """One environment in its account; `cdk deploy 'dev/*'` and the pipeline deploy the same."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(
            scope,
            id,
            env=CdkEnvironment(account=config.account, region=config.region),
            permissions_boundary=PermissionsBoundary.from_name(BOUNDARY),
        )
        # A VPC asks for its account's zones, which would need credentials at synthesis.
        self.node.set_context(
            f"availability-zones:account={config.account}:region={config.region}",
            list(config.availability_zones),
        )
        network = NetworkStack(self, "Network", config=config).network
        cluster = ClusterStack(self, "Cluster", config=config, network=network)
        backup = BackupStack(self, "Backup", config=config)
        platform = PlatformStack(
            self, "Platform", config=config, cluster=cluster, network=network, backup=backup
        )
        # Its pods need the nodes and add-ons, which no reference of its template names.
        platform.add_stack_dependency(cluster)
        workloads = WorkloadsStack(
            self,
            "Workloads",
            config=config,
            cluster=cluster.cluster,
            network=network,
            backups=backup.backups,
            image_address=cluster.address,
            certificate_arn=platform.certificate_arn,
        )
        # Load balancers come after their controller, and have to be gone before it.
        workloads.add_stack_dependency(platform)
        # Its alarms would be raised by a service that isn't there yet, or is on its way out.
        observability = ObservabilityStack(self, "Observability", config=config)
        observability.add_stack_dependency(workloads)
