"""Each wrong value is refused in one sentence: environment, field, value, what would be right."""

from dataclasses import replace
from typing import Any

import pytest

from config.environments import DEV, PROD, STAGE, TABLE
from config.errors import ConfigError
from config.model import Environment, Table
from config.node_group import Taint
from config.platform import Domain
from tests.samples import SMALL
from tests.tables import named

GROUP = SMALL.cluster.node_groups[0]
INSIDE_DEV = f"{DEV.network.network.network_address}/18"


def with_network(**changes: Any) -> Environment:
    return replace(SMALL, network=replace(SMALL.network, **changes))


def with_cluster(**changes: Any) -> Environment:
    return replace(SMALL, cluster=replace(SMALL.cluster, **changes))


def with_group(**changes: Any) -> Environment:
    return with_cluster(node_groups=(replace(GROUP, **changes),))


def with_observability(**changes: Any) -> Environment:
    return replace(SMALL, observability=replace(SMALL.observability, **changes))


def with_images(**changes: Any) -> Environment:
    return replace(SMALL, images=replace(SMALL.images, **changes))


def with_web(**changes: Any) -> Environment:
    return replace(SMALL, web=replace(SMALL.web, **changes))


def with_log_agent(**changes: Any) -> Environment:
    assert SMALL.log_agent
    return replace(SMALL, log_agent=replace(SMALL.log_agent, **changes))


def with_backup(**changes: Any) -> Environment:
    return replace(SMALL, backup=replace(SMALL.backup, **changes))


def with_platform(**changes: Any) -> Environment:
    return replace(SMALL, platform=replace(SMALL.platform, **changes))


def with_domain(**changes: Any) -> Environment:
    domain = Domain(name="dev.example.com", hosted_zone_id="Z0123456789ABCDEFGHIJ")
    return with_platform(domain=replace(domain, **changes))


@pytest.mark.parametrize(
    ("make", "change", "sentence"),
    [
        (lambda **c: replace(SMALL, **c), {"name": "a-b"}, "name is 'a-b'; it must be 3 to 20"),
        (
            lambda **c: replace(SMALL, **c),
            {"account": "1234"},
            "account is '1234'; it must be",
        ),
        (
            lambda **c: replace(SMALL, **c),
            {"region": "europe"},
            "region is 'europe'; it must be an",
        ),
        (with_network, {"cidr": "ten"}, "network.cidr is 'ten'; it must be an IPv4 network"),
        (with_network, {"cidr": "10.1.0.5/16"}, "network.cidr is '10.1.0.5/16'; it must be an"),
        (with_network, {"cidr": "10.1.0.0/24"}, "network.cidr is '10.1.0.0/24'; it must be a priv"),
        (with_network, {"cidr": "52.0.0.0/16"}, "network.cidr is '52.0.0.0/16'; it must be a priv"),
        (with_network, {"cidr": "127.0.0.0/16"}, "'127.0.0.0/16'; it must be a private network"),
        (with_network, {"cidr": "172.20.0.0/16"}, "'172.20.0.0/16'; it must not overlap"),
        (with_network, {"zones": ("a",)}, "network.zones is ('a',); it must be two or three"),
        (with_network, {"zones": ("a", "a")}, "network.zones is ('a', 'a'); it must be two or"),
        (with_network, {"zones": ("a", "1")}, "network.zones is ('a', '1'); it must be two or"),
        (with_network, {"nat_gateways": 0}, "network.nat_gateways is 0; it must be 1, or 2"),
        (with_network, {"flow_log_retention_days": 31}, "is 31; CloudWatch Logs keeps e.g. 30"),
        (with_network, {"interface_endpoints": ("s4",)}, "interface_endpoints is 's4'; it must be"),
        (with_network, {"interface_endpoints": ("sts", "sts")}, "it must name each service once"),
        (with_network, {"interface_endpoints": ("ecr.dkr",)}, "a pull calls both ecr.api and ecr."),
        (with_cluster, {"support_type": "LONG"}, "is 'LONG'; it must be STANDARD or EXTENDED"),
        (with_cluster, {"add_on_versions": {"velero": "v1.0.0-eksbuild.1"}}, "; the add-ons are"),
        (with_cluster, {"add_on_versions": {"coredns": "1.13"}}, "is '1.13'; it must be a version"),
        (
            with_cluster,
            {"add_on_versions": {"kube-proxy": "v1.34.1-eksbuild.2"}},
            "add_on_versions[kube-proxy] is 'v1.34.1-eksbuild.2'; kube-proxy's must be the clus",
        ),
        (with_cluster, {"version": "1.30"}, "cluster.version is '1.30'; kubectl 1.35 serves 1.34"),
        (with_cluster, {"endpoint_cidrs": ("x",)}, "cluster.endpoint_cidrs is 'x'; it must be"),
        (with_cluster, {"endpoint_cidrs": ("0.0.0.0/0",)}, "'0.0.0.0/0'; name the networks"),
        (with_cluster, {"endpoint_cidrs": ("10.1.0.0/16",)}, "is '10.1.0.0/16'; EKS takes public"),
        (with_cluster, {"endpoint_cidrs": ("192.0.2.0/24",)}, "'192.0.2.0/24'; EKS takes public"),
        (
            with_cluster,
            {"endpoint_cidrs": tuple(f"1.2.3.{last}/32" for last in range(41))},
            "endpoint_cidrs is '41 networks'; EKS takes 40 networks at most",
        ),
        (with_cluster, {"log_retention_days": 0}, "cluster.log_retention_days is 0; CloudWatch"),
        (with_cluster, {"node_groups": ()}, "cluster.node_groups is []; it must hold groups"),
        (with_cluster, {"node_groups": (GROUP, GROUP)}, "it must hold groups of different names"),
        (with_group, {"instance_types": ()}, "instance_types is (); it must name at least one"),
        (with_group, {"instance_types": ("t3.small", "t3.small")}, "at least one type, each once"),
        (with_group, {"instance_types": ("z9.huge",)}, "'z9.huge'; add it to config/instance_t"),
        (with_group, {"instance_types": ("t4g.medium",)}, "boots x86_64; this type is arm64"),
        (with_group, {"ami_type": "AL2_x86_64"}, "ami_type is 'AL2_x86_64'; it must be one of"),
        (with_group, {"min_size": 5}, "is (5, 2, 4); it must hold 0 <= min <= desired <= max"),
        (with_group, {"disk_gib": 8}, "disk_gib is 8; the image needs at least 20"),
        (with_group, {"name": "Big"}, "name is 'Big'; it must be 3 to 30 of a-z and 0-9"),
        (with_group, {"capacity_type": "spot"}, "capacity_type is 'spot'; it must be ON_DEMAND or"),
        (with_group, {"capacity_type": "SPOT"}, "is ('t3.medium',); spot needs two or more"),
        (with_group, {"max_unavailable_percent": 0}, "max_unavailable_percent is 0; it must be 1"),
        (with_group, {"labels": {"a b": "c"}}, "labels is 'a b'; it must be a label's name such"),
        (with_group, {"labels": {"team": "a b"}}, "labels[team] is 'a b'; it must be at most 63"),
        (
            with_group,
            {"labels": {"k8s.io/a": "b"}},
            "'k8s.io/a'; k8s.io/ is for Kubernetes and EKS",
        ),
        (
            with_group,
            {"taints": (Taint(key="gpu", effect="NoSchedule"),)},  # type: ignore[arg-type]
            "taints is 'NoSchedule'; its effect must be one of NO_SCHEDULE",
        ),
        (
            with_group,
            {"taints": (Taint(key="gpu", effect="NO_SCHEDULE"),)},
            "cluster.node_groups is ['general']; one must be without taints",
        ),
        (
            with_images,
            {"docker_hub_secret": "ecr-pullthroughcache/docker-mirror"},
            "'ecr-pullthroughcache/docker-mirror'; it must not end like an ARN of a secret",
        ),
        (with_domain, {"name": f"{'a' * 60}.example"}, "at most 64 long"),
        (with_images, {"docker_hub_secret": "hub"}, "'hub'; it must be the name of a secret that"),
        (with_platform, {"controller_replicas": 0}, "platform.controller_replicas is 0; it must"),
        (with_platform, {"controller_replicas": 4}, "controller_replicas is 4; it must be 1 to 3"),
        (with_platform, {"access_log_days": -1}, "platform.access_log_days is -1; it must be 0"),
        (with_domain, {"name": "dev"}, "platform.domain.name is 'dev'; it must be a DNS name"),
        (with_domain, {"name": "*.example.com"}, "'*.example.com'; it must be a DNS name such"),
        (with_domain, {"hosted_zone_id": "example.com"}, "is 'example.com'; it must be a Route 53"),
        (with_log_agent, {"image": "fluent-bit"}, "log_agent.image is 'fluent-bit'; it must be"),
        (with_log_agent, {"image": "a.example/b:latest"}, "a tag other than 'latest'"),
        (with_log_agent, {"cpu_millis": 0}, "log_agent.cpu_millis is 0; it must be at least 1"),
        (with_log_agent, {"memory_mib": 32}, "memory_mib is 32; it must be at least 64"),
        (with_log_agent, {"buffer_mib": 1}, "buffer_mib is 1; it must be at least 32"),
        (with_log_agent, {"retention_days": 31}, "31; CloudWatch Logs keeps e.g. 30 days"),
        (with_web, {"image": "web"}, "web.image is 'web'; it must be registry/repository with"),
        (with_web, {"image": "docker.io/a/web:latest"}, "a tag other than 'latest'"),
        (with_web, {"image": "docker.io/a/web"}, "with a digest or a tag other than 'latest'"),
        (with_web, {"min_replicas": 1}, "is (1, 10); it must hold 2 <= min <= max"),
        (with_web, {"max_replicas": 2}, "is (3, 2); it must hold 2 <= min <= max"),
        (with_web, {"target_cpu_percent": 0}, "web.target_cpu_percent is 0; it must be 1 to 100"),
        (with_web, {"target_memory_percent": 100}, "target_memory_percent is 100; it must be 1 to"),
        (with_web, {"cpu": "lots"}, "web.cpu is 'lots'; it must be a quantity such as '100m'"),
        (with_web, {"memory": "128"}, "web.memory is '128'; it must be a quantity such as"),
        (with_web, {"cpu": "64"}, "web.cpu is '64'; no node of the cluster has as much to give"),
        (with_web, {"memory": "64Gi"}, "web.memory is '64Gi'; no node of the cluster has as"),
        (with_web, {"load_balancer": "alb"}, "web.load_balancer is 'alb'; it must be one of"),
        (
            with_web,
            {"load_balancer": "network"},
            "platform.access_log_days is 30; it must be 0 with web.load_balancer 'network'",
        ),
        (with_web, {"rollout_seconds": 900}, "web.rollout_seconds is 900; it must be 30 to 840"),
        (
            with_backup,
            {"noncurrent_days": 0},
            "backup.noncurrent_days is 0; it must be 1 to 3650",
        ),
        (with_backup, {"hourly_days": 0}, "backup.hourly_days is 0; it must be 1 to 3650"),
        (with_backup, {"daily_days": 4000}, "backup.daily_days is 4000; it must be 1 to 3650"),
        (with_backup, {"hourly": "hourly"}, "backup.hourly is 'hourly'; it must be a cron sched"),
        (with_backup, {"daily": "0 24 * * *"}, "backup.daily is '0 24 * * *'; its hour '24' must"),
        (with_backup, {"drill": "never"}, "backup.drill is 'never'; it must be a cron schedule"),
        (with_backup, {"drill_image": "drill"}, "backup.drill_image is 'drill'; it must be regis"),
        (with_backup, {"drill_max_age_hours": 0}, "drill_max_age_hours is 0; it must be 1 to 744"),
        (with_backup, {"alarm_hours": 24}, "is 24; it must be a multiple of 12 from 36 to 168"),
        (
            with_backup,
            {"drill": "17 4 * * 0", "alarm_hours": 168},
            "alarm_hours is 168; it must be 180 or more, drills being due at '17 4 * * 0'",
        ),
        (with_backup, {"volumes": "all"}, "is 'all'; it must be one of none, snapshot, move"),
        (
            lambda **c: replace(SMALL, **c),
            {"owner": "who?"},
            "owner is 'who?'; it must be 1 to 256",
        ),
        (with_observability, {"emails": ()}, "observability.emails is (); it must be 1 to 10"),
        (with_observability, {"emails": ("a@b.de", "a@b.de")}, "1 to 10 different e-mail"),
        (with_observability, {"emails": ("me",)}, "emails is 'me'; it must be an e-mail address"),
        (with_observability, {"web_errors_per_minute": 0}, "web_errors_per_minute is 0; it must"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    make: Any, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**change)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("environment '")
    assert sentence in line


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        replace(SMALL, account="1", region="x", web=replace(SMALL.web, cpu="?"))
    assert len(str(caught.value).splitlines()) == 3


def test_an_image_by_digest_needs_no_tag() -> None:
    image = f"registry.example/web@sha256:{'a' * 64}"
    assert with_web(image=image).web.image == image


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (replace(STAGE, account=DEV.account), f"account is '{DEV.account}'; 'dev' and 'stage'"),
        (named(STAGE, "dev"), "name is 'dev'; 'dev' and 'dev' must each have their own"),
        (
            replace(STAGE, network=replace(STAGE.network, cidr=INSIDE_DEV)),
            f"cidr is '{INSIDE_DEV}'; it must not overlap {DEV.network.cidr} of 'dev'",
        ),
    ],
)
def test_environments_do_not_get_in_each_others_way(other: Environment, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Table(environments=(DEV, other, PROD), tooling=TABLE.tooling)
    assert sentence in str(caught.value)


def test_the_pipeline_has_an_account_of_its_own() -> None:
    with pytest.raises(ConfigError, match="'prod' and 'tooling' must each have their own"):
        Table(
            environments=(DEV, STAGE, PROD),
            tooling=replace(TABLE.tooling, account=PROD.account),
        )
