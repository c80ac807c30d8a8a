"""The table: production is the base, and each other environment is what differs from it."""

from dataclasses import replace

from config.access import Access
from config.accounts import ACCOUNTS
from config.backup import Backup
from config.cluster import Cluster
from config.database import Database
from config.images import Images
from config.log_agent import LogAgent
from config.model import Account, Environment, Table
from config.network import Network
from config.node_group import NodeGroup, Taint
from config.observability import Observability
from config.people import DEVELOPMENT_ROLES, ROLES
from config.pipeline import Deployment, Pipeline
from config.platform import Platform
from config.workloads import Web

LOG_AGENT = LogAgent(
    image="public.ecr.aws/aws-observability/aws-for-fluent-bit:3.4.15",
    cpu_millis=50,
    memory_mib=96,
    buffer_mib=256,
    retention_days=90,
)

DATABASE = Database(
    image="docker.io/mindforce/database:0.1.0",
    members=3,
    cpu="250m",
    memory="1Gi",
    storage_gib=50,
    full_backups="30 1 * * 0",
    differential_backups="30 1 * * 1-6",
    # An hour and more before the drill: as long as one may take.
    dumps="7 3 * * *",
    keep_full_backups=4,
    rollout_seconds=840,
)

PROD = Environment(
    name="prod",
    account=ACCOUNTS["prod"],
    region=ACCOUNTS.region,
    deletion_protection=True,
    network=Network(
        cidr="10.30.0.0/16",
        zones=("a", "b", "c"),
        nat_gateways=3,
        flow_log_retention_days=90,
        interface_endpoints=("ecr.api", "ecr.dkr", "ec2", "sts", "eks-auth", "logs"),
    ),
    cluster=Cluster(
        version="1.35",
        endpoint_cidrs=(),
        log_retention_days=90,
        support_type="STANDARD",
        zonal_shift=True,
        node_groups=(
            NodeGroup(
                name="general",
                instance_types=("t3.medium",),
                ami_type="AL2023_x86_64_STANDARD",
                min_size=3,
                desired_size=3,
                max_size=6,
                disk_gib=20,
            ),
            # Cheap room for a burst: nothing runs here while the others have place.
            NodeGroup(
                name="burst",
                instance_types=("t3.large", "t3a.large", "m5.large", "m6i.large"),
                ami_type="AL2023_x86_64_STANDARD",
                capacity_type="SPOT",
                min_size=0,
                desired_size=0,
                max_size=6,
                disk_gib=20,
                taints=(Taint(key="spot", value="true", effect="PREFER_NO_SCHEDULE"),),
            ),
        ),
    ),
    images=Images(docker_hub_secret="ecr-pullthroughcache/docker-hub"),
    platform=Platform(controller_replicas=2, access_log_days=90),
    log_agent=LOG_AGENT,
    database=DATABASE,
    web=Web(
        image="docker.io/mindforce/web:0.1.0",
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
        volumes="move",
        # Twice a week: CloudWatch looks back seven days, so a weekly one might never be late.
        drill="17 4 * * 0,3",
        drill_image="docker.io/mindforce/drill:0.1.0",
        drill_max_age_hours=26,
        # A day more than lies between two.
        alarm_hours=120,
        late_hours=3,
        noncurrent_days=90,
    ),
    observability=Observability(
        emails=("platform-alarms@example.com",),
        web_errors_per_minute=20,
    ),
    owner="platform",
    access=Access(
        identity_account=ACCOUNTS.people,
        pipeline_role=f"arn:aws:iam::{ACCOUNTS.pipeline}:role/mindforce-pipeline",
        roles=ROLES,
    ),
)

STAGE = replace(
    PROD,
    name="stage",
    account=ACCOUNTS["stage"],
    deletion_protection=False,
    network=replace(PROD.network, cidr="10.20.0.0/16", flow_log_retention_days=30),
    cluster=replace(PROD.cluster, log_retention_days=30),
    platform=replace(PROD.platform, access_log_days=30),
    log_agent=replace(LOG_AGENT, retention_days=30),
    database=replace(DATABASE, storage_gib=20, keep_full_backups=2),
    backup=replace(PROD.backup, noncurrent_days=30),
)

DEV = replace(
    STAGE,
    name="dev",
    account=ACCOUNTS["dev"],
    network=replace(
        STAGE.network,
        cidr="10.10.0.0/16",
        zones=("a", "b"),
        nat_gateways=1,
        interface_endpoints=(),
    ),
    cluster=replace(
        STAGE.cluster,
        node_groups=tuple(
            replace(group, min_size=2, desired_size=2, max_size=4)
            for group in STAGE.cluster.node_groups
            if group.name == "general"
        ),
    ),
    database=replace(
        DATABASE, members=1, cpu="100m", memory="512Mi", storage_gib=10, keep_full_backups=2
    ),
    # The database's archive in the bucket has its data; no volume of dev is worth more.
    backup=replace(STAGE.backup, volumes="none", drill="17 4 * * *", alarm_hours=36),
    access=replace(STAGE.access, roles=DEVELOPMENT_ROLES),
    platform=replace(STAGE.platform, controller_replicas=1),
)

TABLE = Table(
    environments=(DEV, STAGE, PROD),
    tooling=Account(name="tooling", account=ACCOUNTS["tooling"], region=ACCOUNTS.region),
)

PIPELINE = Pipeline(
    table=TABLE,
    connection_arn=(
        f"arn:aws:codeconnections:{ACCOUNTS.region}:{ACCOUNTS['tooling']}"
        ":connection/00000000-0000-0000-0000-000000000000"
    ),
    repository="example/platform",
    branch="main",
    docker_hub_secret="mindforce/docker-hub",
    log_retention_days=90,
    artifact_days=90,
    deployments=(
        # Errors of the web service are seen in 7 minutes, what any alarm watches in 17.
        Deployment(environment="dev", url="https://dev.example.com", alarm_minutes=8),
        Deployment(
            environment="stage",
            url="https://stage.example.com",
            alarm_minutes=10,
            migration_test=True,
            load=True,
        ),
        Deployment(
            environment="prod",
            url="https://www.example.com",
            alarm_minutes=20,
            approval=True,
        ),
    ),
)
