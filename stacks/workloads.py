"""What runs in an environment's cluster."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cache

from cdk8s import App
from constructs import Construct

from config.capacity import Room
from config.database import DATABASE_NAMESPACE
from config.log_agent import LOGGING_NAMESPACE
from config.model import Environment
from config.workloads import POOL_SIZE, WEB_NAMESPACE
from k8s.namespace import NamespaceChart, PodSecurity
from k8s.web import WebChart
from mindforce.backup_bucket import BackupBucket
from mindforce.cluster import Cluster
from mindforce.manifest import Objects
from mindforce.network import Network
from mindforce.rollout import RolloutGate
from stacks.access import GATE, in_namespace
from stacks.database import stand_database
from stacks.environment_stack import EnvironmentStack
from stacks.log_agent import keep_logs
from stacks.restore_drill import drill_restores


class WorkloadsStack(EnvironmentStack):
    """The charts, each applied in its turn and waited for."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        config: Environment,
        cluster: Cluster,
        network: Network,
        backups: BackupBucket,
        image_address: Callable[[str], str],
        certificate_arn: str | None,
    ) -> None:
        super().__init__(scope, id, config=config)
        charts = App()
        wanted = {DATABASE_NAMESPACE: config.database, LOGGING_NAMESPACE: config.log_agent}
        gate = RolloutGate(
            self,
            "Charts",
            cluster=cluster.cluster,
            namespaces=[*(name for name, part in wanted.items() if part), WEB_NAMESPACE],
            group=GATE,
            logs=cluster.function_logs,
        )
        if agent := config.log_agent:
            logging = gate.apply(
                "LoggingNamespace",
                _namespace(LOGGING_NAMESPACE, agent.share, pod_security="privileged"),
                prune=False,
            )
            keep_logs(self, config=config, agent=agent, gate=gate, namespace=logging)
        web, domain = config.web, config.platform.domain
        namespace = gate.apply(
            "WebNamespace",
            [
                *_namespace(
                    WEB_NAMESPACE,
                    web.share,
                    behind_load_balancer=True,
                    # An Ingress isn't a Service.
                    load_balancers=int(web.load_balancer == "network"),
                ),
                *in_namespace(config.access.roles, WEB_NAMESPACE),
            ],
            prune=False,
        )
        ready, database = namespace, None
        if config.database:
            database, ready = stand_database(
                self,
                config=config,
                database=config.database,
                charts=charts,
                gate=gate,
                cluster=cluster,
                backups=backups,
                image_address=image_address,
                after=[namespace],
            )
        chart = WebChart(
            charts,
            "web",
            namespace=WEB_NAMESPACE,
            image=image_address(web.image),
            min_replicas=web.min_replicas,
            max_replicas=web.max_replicas,
            target_cpu_percent=web.target_cpu_percent,
            target_memory_percent=web.target_memory_percent,
            cpu=web.cpu,
            memory=web.memory,
            progress_deadline_seconds=web.rollout_seconds,
            host=domain.name if domain else None,
            certificate_arn=certificate_arn,
            load_balancer=web.load_balancer,
            database=database,
            database_pool_size=POOL_SIZE,
            load_balancer_subnets=network.load_balancer_subnets,
        )
        gate.apply("Web", chart.to_json(), timeout_seconds=web.rollout_seconds, after=[ready])
        drill_restores(
            self,
            config=config,
            backups=backups,
            gate=gate,
            image=image_address(config.backup.drill_image),
            namespaces=[WEB_NAMESPACE, *([DATABASE_NAMESPACE] if config.database else [])],
            after=[ready],
        )


# Much the same in all environments, and a chart costs more than all else here.
@cache
def _namespace(
    name: str,
    share: Room,
    *,
    pod_security: PodSecurity = "restricted",
    behind_load_balancer: bool = False,
    load_balancers: int = 0,
) -> Objects:
    chart = NamespaceChart(
        App(),
        name,
        name=name,
        pod_security=pod_security,
        behind_load_balancer=behind_load_balancer,
        load_balancers=load_balancers,
        **asdict(share),
    )
    objects: Objects = chart.to_json()
    return objects
