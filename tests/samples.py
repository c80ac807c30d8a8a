"""An environment for tests that count: its sizes are theirs, whatever the table's are."""

from dataclasses import replace

from config.backup import Backup
from config.cluster import Cluster
from config.database import Database
from config.environments import DEV
from config.log_agent import LogAgent
from config.network import Network
from config.node_group import NodeGroup
from config.platform import Platform
from config.workloads import Web

SMALL = replace(
    DEV,
    network=Network(
        cidr="10.10.0.0/16",
        zones=("a", "b"),
        nat_gateways=1,
        flow_log_retention_days=30,
        interface_endpoints=(),
    ),
    cluster=Cluster(
        version="1.35",
        endpoint_cidrs=(),
        log_retention_days=30,
        support_type="STANDARD",
        zonal_shift=True,
        node_groups=(
            NodeGroup(
                name="general",
                instance_types=("t3.medium",),
                ami_type="AL2023_x86_64_STANDARD",
                min_size=2,
                desired_size=2,
                max_size=4,
                disk_gib=20,
            ),
        ),
    ),
    platform=Platform(controller_replicas=1, access_log_days=30),
    log_agent=LogAgent(
        image="registry.example/log-agent:1",
        cpu_millis=50,
        memory_mib=96,
        buffer_mib=256,
        retention_days=30,
    ),
    database=Database(
        image="registry.example/database:1",
        members=1,
        cpu="100m",
        memory="512Mi",
        storage_gib=10,
        full_backups="30 1 * * 0",
        differential_backups="30 1 * * 1-6",
        dumps="7 3 * * *",
        keep_full_backups=2,
        rollout_seconds=840,
    ),
    web=Web(
        image="registry.example/web:1",
        min_replicas=3,
        max_replicas=10,
        target_cpu_percent=50,
        target_memory_percent=85,
        cpu="100m",
        memory="128Mi",
        rollout_seconds=600,
    ),
    backup=Backup(
        hourly="17 * * * *",
        hourly_days=30,
        daily="47 2 * * *",
        daily_days=90,
        volumes="none",
        drill="17 4 * * *",
        drill_image="registry.example/drill:1",
        drill_max_age_hours=26,
        alarm_hours=36,
        late_hours=3,
        noncurrent_days=30,
    ),
    access=replace(
        DEV.access,
        mode="access-entries",
        authentication_mode="API_AND_CONFIG_MAP",
        api_only_for_good="",
    ),
)
"""As small as dev is: what tests say of CPU, memory, addresses and places are its figures."""
