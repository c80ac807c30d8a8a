"""The database's members, by themselves: what a reviewer asks of each object."""

import json
import re
from typing import Any

import pytest

from config.quantities import STORAGE_GIB
from tests.unit.k8s.database import Manifest, chart, one, pods, settings


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return chart()


def test_a_restart_leaves_the_volumes_modes_alone(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    assert pod["securityContext"]["fsGroup"] == 999
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_members_may_hold_elections_and_nothing_else(objects: list[Manifest]) -> None:
    rules = [
        (*rule["resources"], set(rule["verbs"]), rule.get("resourceNames"))
        for rule in one(objects, "Role")["rules"]
    ]
    elections = [f"database-{end}" for end in ("config", "failover", "leader", "sync")]
    # Of other ConfigMaps none may be changed: one holds what members run when they start.
    assert rules == [
        ("configmaps", {"create", "list", "watch"}, None),
        ("configmaps", {"get", "patch"}, elections),
        ("pods", {"list", "watch"}, None),
        ("pods", {"patch"}, [f"database-{number}" for number in range(5)]),
    ]
    assert one(objects, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": "database", "namespace": "database"}
    ]
    assert not any(item["kind"].startswith("ClusterRole") for item in objects)


@pytest.mark.parametrize("members", [1, 3])
def test_nobody_leads_without_what_was_acknowledged(members: int) -> None:
    assert settings(chart(members))["bootstrap"]["dcs"]["synchronous_mode"] is True


@pytest.mark.parametrize("change", [{"members": 1}, {"members": 5}, {"storage_gib": 30}])
def test_members_that_stay_are_not_restarted_by_others_or_by_larger_volumes(
    objects: list[Manifest], change: Manifest
) -> None:
    before, after = (one(found, "StatefulSet") for found in (objects, chart(**change)))
    assert after["spec"]["template"] == before["spec"]["template"]
    assert after["spec"] != before["spec"]


def test_a_cluster_that_is_there_gets_what_a_new_one_begins_with(objects: list[Manifest]) -> None:
    data = one(objects, "ConfigMap")["data"]
    assert json.loads(data["cluster.json"]) == settings(objects)["bootstrap"]["dcs"]
    settle, start = data["start.sh"].index("settle.sh"), data["start.sh"].index("exec patroni")
    assert settle < start
    assert "--apply /etc/patroni/cluster.json" in data["settle.sh"]
    # Patroni would read it as settings of a member's own.
    assert [name for name in data if name.endswith(".yml")] == ["patroni.yml"]


def test_a_roll_out_waits_for_more_than_two_of_patronis_rounds(objects: list[Manifest]) -> None:
    rounds = settings(objects)["bootstrap"]["dcs"]["loop_wait"]
    assert one(objects, "StatefulSet")["spec"]["minReadySeconds"] > 2 * rounds


def test_a_member_that_is_away_does_not_fill_the_primarys_volume(objects: list[Manifest]) -> None:
    shared = settings(objects)["bootstrap"]["dcs"]["postgresql"]
    assert shared["use_slots"] is False
    kept = int(shared["parameters"]["wal_keep_size"].removesuffix("MB"))
    assert kept <= STORAGE_GIB[0] * 1024 // 4


def test_what_queries_share_is_of_the_members_own_memory(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    shared = volumes[mounts["/dev/shm"]]["emptyDir"]
    assert shared == {"medium": "Memory", "sizeLimit": "256Mi"}


def test_members_are_apart_and_never_on_spot_nodes(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    keys = {c["topologyKey"]: c["whenUnsatisfiable"] for c in pod["topologySpreadConstraints"]}
    assert keys == {
        "topology.kubernetes.io/zone": "DoNotSchedule",
        "kubernetes.io/hostname": "DoNotSchedule",
    }
    affinity = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"]
    assert term["matchExpressions"] == [
        {"key": "eks.amazonaws.com/capacityType", "operator": "NotIn", "values": ["SPOT"]}
    ]


@pytest.mark.parametrize("members", [1, 3])
def test_a_drain_is_never_blocked(members: int) -> None:
    budget = one(chart(members), "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_services_lead_to_whom_patroni_labels(objects: list[Manifest]) -> None:
    template = one(objects, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    for name, role in (("database", "primary"), ("database-replicas", "replica")):
        spec = one(objects, "Service", name)["spec"]
        assert spec["selector"] == {**template, "role": role}
        assert [(p["port"], p["targetPort"]) for p in spec["ports"]] == [(5432, 5432)]
    governing = one(objects, "StatefulSet")["spec"]["serviceName"]
    assert one(objects, "Service", governing)["spec"]["clusterIP"] == "None"
    labels = settings(objects)["kubernetes"]
    assert {**labels["labels"], labels["scope_label"]: settings(objects)["scope"]} == template


def test_a_new_primary_takes_the_label_of_the_one_before(objects: list[Manifest]) -> None:
    (mounted,) = (one["data"] for one in objects if one["kind"] == "ConfigMap")
    program, file, selector = settings(objects)["postgresql"]["callbacks"]["on_role_change"].split()
    folder, _, name = file.rpartition("/")
    compile(mounted[name], name, "exec")
    assert (program, folder) == ("python3", "/etc/patroni")
    (service,) = (
        one for one in objects if one["kind"] == "Service" and one["metadata"]["name"] == "database"
    )
    assert set(selector.split(",")) <= {f"{k}={v}" for k, v in service["spec"]["selector"].items()}


def test_selectors_and_claims_are_the_same_for_good(objects: list[Manifest]) -> None:
    spec = one(objects, "StatefulSet")["spec"]
    assert spec["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "database",
        "app.kubernetes.io/instance": "database",
    }
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"]["storageClassName"] == "gp3"
    assert claim["spec"]["resources"]["requests"] == {"storage": "20Gi"}


def test_probes_ask_patroni(objects: list[Manifest]) -> None:
    ((container,),) = (pod["containers"] for pod in pods(objects))
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    paths = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert ports[asked["port"]] == 8008
        paths[probe] = asked["path"]
    assert paths["readinessProbe"] == "/read-only"
    assert paths["livenessProbe"] == "/liveness"


def test_all_is_mounted_that_the_image_writes_to(objects: list[Manifest]) -> None:
    (pod,) = pods(objects)
    places = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert {"/etc/patroni", "/var/lib/postgresql", "/run/postgresql", "/tmp"} <= places


def test_changed_settings_restart_the_members(objects: list[Manifest]) -> None:
    def annotations(found: list[Manifest]) -> Any:
        return one(found, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]

    assert annotations(objects) == annotations(chart())
    assert annotations(objects) != annotations(chart(keep_full_backups=6))


def test_nobody_connects_without_tls_and_a_password_but_within_the_pod(
    objects: list[Manifest],
) -> None:
    local, *others = settings(objects)["postgresql"]["pg_hba"]
    assert local == "local all postgres peer"
    for line in others:
        assert line.startswith("hostssl ")
        assert line.endswith(" scram-sha-256")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 2}, "members is 2; it must be 1, or 3 to 5: of two, none could fail"),
        ({"storage_gib": 4}, "storage_gib is 4; it must be 5 to 16384"),
        ({"image": "registry.example/database"}, "it must be registry/repository with a digest"),
        ({"cpu": "0.5"}, "cpu is '0.5'; it must be a quantity such as '100m'"),
        ({"memory": "1G"}, "memory is '1G'; it must be a quantity such as '128Mi'"),
    ],
)
def test_what_could_not_run_is_refused(changes: Manifest, message: str) -> None:
    with pytest.raises(ValueError, match=f"^database/database: .*{re.escape(message)}"):
        chart(**changes)
