"""The log agent, wired: where logs are kept, who may write them, the agents."""

from cdk8s import App
from constructs import Construct, IDependable

from config.log_agent import LOGGING_NAMESPACE, LogAgent
from config.model import Environment
from k8s.log_agent import NAME, LogAgentChart
from mindforce.pod_logs import PodLogs
from mindforce.rollout import RolloutGate


def keep_logs(
    scope: Construct,
    *,
    config: Environment,
    agent: LogAgent,
    gate: RolloutGate,
    namespace: IDependable,
) -> None:
    """Send what every pod writes to a log group of the stack, and wait for the agents."""
    logs = PodLogs(
        scope,
        "PodLogs",
        cluster_name=config.name,
        region=config.region,
        account=config.account,
        retention_days=agent.retention_days,
        namespace=LOGGING_NAMESPACE,
        service_account=NAME,
    )
    chart = LogAgentChart(
        App(),
        NAME,
        namespace=LOGGING_NAMESPACE,
        image=agent.image,
        cpu_millis=agent.cpu_millis,
        memory_mib=agent.memory_mib,
        buffer_mib=agent.buffer_mib,
        region=config.region,
        log_group=logs.log_group,
    )
    # Pods that start before their role would have none until they restart.
    gate.apply("LogAgent", chart.to_json(), after=[namespace, logs])
