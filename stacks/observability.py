"""What watches over an environment."""

from constructs import Construct

from config.model import Environment
from mindforce.alarm_topic import AlarmTopic
from mindforce.alarms import Alarms
from mindforce.backup_alarm import backup_alarm
from mindforce.dashboard import Dashboard
from mindforce.drill_alarm import drill_alarms
from mindforce.log_alarm import log_alarm
from mindforce.platform_alarms import platform_alarms
from stacks.environment_stack import EnvironmentStack


class ObservabilityStack(EnvironmentStack):
    """What wakes a person, and what they look at then."""

    def __init__(self, scope: Construct, id: str, *, config: Environment) -> None:
        super().__init__(scope, id, config=config)
        wanted = config.observability
        alarms = [
            *platform_alarms(
                cluster_name=config.name,
                max_nodes=sum(group.max_size for group in config.cluster.node_groups),
                web_errors_per_minute=wanted.web_errors_per_minute,
                sees_requests=config.web.load_balancer == "application",
            ),
            backup_alarm(environment=config.name, hours=config.backup.late_hours),
            *drill_alarms(environment=config.name, hours=config.backup.alarm_hours),
        ]
        if config.log_agent:
            alarms.append(log_alarm(cluster_name=config.name))
        topic = AlarmTopic(
            self,
            "Topic",
            account=config.account,
            region=config.region,
            emails=wanted.emails,
        )
        Alarms(self, "Alarms", prefix=config.name, alarms=alarms, topic_arn=topic.arn)
        Dashboard(
            self,
            "Dashboard",
            name=config.name,
            cluster_name=config.name,
            region=config.region,
            alarm_arns=[
                f"arn:aws:cloudwatch:{config.region}:{config.account}:alarm:{config.name}-{a.name}"
                for a in alarms
            ],
            cluster_log_group=f"/aws/eks/{config.name}/cluster",
        )
