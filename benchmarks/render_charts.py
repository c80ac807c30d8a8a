"""Render all charts of production, and print the CPU seconds that it took after the imports.

As the app does it, but with plain text where that has references: without the cost of CDK.
"""

import gc

if __name__ == "__main__":
    gc.disable()

from dataclasses import asdict

import psutil
from cdk8s import App

from config.database import DATABASE_NAMESPACE, MAX_CONNECTIONS
from config.environments import PROD
from config.log_agent import LOGGING_NAMESPACE
from config.quantities import memory_mib
from config.workloads import POOL_SIZE, WEB_NAMESPACE
from k8s.database import DatabaseChart
from k8s.database_backup import DatabaseBackupChart
from k8s.database_client import DatabaseClient, DatabaseClientChart
from k8s.log_agent import LogAgentChart
from k8s.migrations import MigrationsChart
from k8s.namespace import NamespaceChart
from k8s.priority import PriorityChart
from k8s.storage import STORAGE_CLASS, StorageChart
from k8s.web import WebChart
from stacks.access import in_namespace


def render() -> int:
    """Render everything, and return of how many objects it consists."""
    web, database, agent, region = PROD.web, PROD.database, PROD.log_agent, PROD.region
    assert database
    assert agent
    app = App()
    client = DatabaseClient(namespace=DATABASE_NAMESPACE, role_arn="arn:of:client")
    shares = {
        WEB_NAMESPACE: web.share,
        DATABASE_NAMESPACE: database.share,
        LOGGING_NAMESPACE: agent.share,
    }
    charts = [
        *(NamespaceChart(app, f"{n}-space", name=n, **asdict(s)) for n, s in shares.items()),
        StorageChart(app, "storage", key_arn="arn:of:key"),
        PriorityChart(app, "priorities"),
        LogAgentChart(
            app,
            "log-agent",
            namespace=LOGGING_NAMESPACE,
            image=agent.image,
            cpu_millis=agent.cpu_millis,
            memory_mib=agent.memory_mib,
            buffer_mib=agent.buffer_mib,
            region=region,
            log_group="/logs",
        ),
        DatabaseChart(
            app,
            "database",
            namespace=DATABASE_NAMESPACE,
            client_namespace=WEB_NAMESPACE,
            image=database.image,
            members=database.members,
            cpu=database.cpu,
            memory=database.memory,
            memory_mib=memory_mib(database.memory),
            max_connections=MAX_CONNECTIONS,
            storage_class=STORAGE_CLASS,
            storage_gib=database.storage_gib,
            keep_full_backups=database.keep_full_backups,
            region=region,
            role_arn="arn:of:archive",
            bucket="backups",
            secrets={"app": "arn:of:app", "members": "arn:of:members"},
        ),
        DatabaseBackupChart(
            app,
            "backup",
            namespace=DATABASE_NAMESPACE,
            image=database.image,
            full=database.full_backups,
            differential=database.differential_backups,
        ),
        DatabaseClientChart(
            app,
            "client",
            namespace=WEB_NAMESPACE,
            database_namespace=DATABASE_NAMESPACE,
            region=region,
            secret_arn="arn:of:app",
        ),
        MigrationsChart(
            app,
            "migrations",
            namespace=WEB_NAMESPACE,
            image=web.image,
            database=client,
            timeout_seconds=web.rollout_seconds,
        ),
        WebChart(
            app,
            "web",
            namespace=WEB_NAMESPACE,
            image=web.image,
            min_replicas=web.min_replicas,
            max_replicas=web.max_replicas,
            target_cpu_percent=web.target_cpu_percent,
            target_memory_percent=web.target_memory_percent,
            cpu=web.cpu,
            memory=web.memory,
            progress_deadline_seconds=web.rollout_seconds,
            load_balancer_subnets={f"subnet-{n}": f"10.30.{n}.0/24" for n in range(3)},
            database=client,
            database_pool_size=POOL_SIZE,
        ),
    ]
    people = in_namespace(PROD.access.roles, WEB_NAMESPACE)
    return sum(len(chart.to_json()) for chart in charts) + len(people)


def _cpu() -> float:
    """CPU seconds of this process and of jsii's."""
    process = psutil.Process()
    every = (process, *process.children(recursive=True))
    return sum(sum(one.cpu_times()[:2]) for one in every)


if __name__ == "__main__":
    before = _cpu()
    count = render()
    print(f"{_cpu() - before:.3f} {count}")
