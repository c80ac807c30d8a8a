from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.environments import DEV, TABLE
from mindforce.rollout import watched
from tests.synthesis import Synthesis, Template, manifests, references
from tests.tables import with_all_parts

MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
ROLLOUT = "Custom::KubernetesRollout"
CLEANUP = "Custom::KubernetesCleanup"
NAMESPACES = ["database", "logging", "web"]


@pytest.fixture
def template(whole: Synthesis) -> Template:
    return whole.template("dev", "Workloads")


def _manifest(template: Template, kind: str, chart: str = "Web") -> str:
    """The manifest of a chart that has such an object."""
    (found,) = (name for name in _manifests(template, kind) if chart in name)
    return found


def _manifests(template: Template, kind: str) -> list[str]:
    return [
        name
        for name, resource in template.resources(MANIFEST).items()
        if f'"kind":"{kind}"' in str(resource["Properties"]["Manifest"])
    ]


def _rollout(template: Template) -> tuple[str, Any]:
    """The roll-out of the web service, and its properties."""
    (found,) = (
        (name, resource["Properties"])
        for name, resource in template.resources(ROLLOUT).items()
        if "Web" in name
    )
    return found


def test_the_stack_waits_for_the_pods_and_for_an_address(
    template: Template,
) -> None:
    name, rollout = _rollout(template)
    web = {"namespace": "web", "name": "web"}
    assert rollout["Workloads"] == [
        {"kind": "Deployment", **web, "minReplicas": DEV.web.min_replicas},
        {"kind": "Ingress", **web, "minReplicas": 0},
    ]
    assert template.comes_after(name, _manifest(template, "Deployment"))


def test_cloudformation_waits_a_little_longer_than_the_gate(template: Template) -> None:
    for rollout in template.properties(ROLLOUT):
        assert int(rollout["ServiceTimeout"]) == rollout["TimeoutSeconds"] + 60
        assert rollout["TimeoutSeconds"] < 900


def test_the_gate_has_access_before_it_looks(template: Template) -> None:
    (entry,) = template.resources("AWS::EKS::AccessEntry")
    for gate in template.resources(ROLLOUT):
        assert template.comes_after(gate, entry)


def test_the_gate_may_only_read_and_only_its_namespaces_and_volumes(
    template: Template, whole: Synthesis
) -> None:
    entry = template.only("AWS::EKS::AccessEntry")
    (policy,) = entry["AccessPolicies"]
    assert str(policy["PolicyArn"]).count("AmazonEKSViewPolicy") == 1
    assert policy["AccessScope"] == {"Type": "namespace", "Namespaces": NAMESPACES}
    (group,) = entry["KubernetesGroups"]
    objects = manifests(whole.template("dev", "Cluster"))
    (binding,) = (o for o in objects if o.get("subjects", [{}])[0].get("name") == group)
    (rules,) = (
        o["rules"]
        for o in objects
        if o["kind"] == "ClusterRole" and o["metadata"]["name"] == binding["roleRef"]["name"]
    )
    assert rules == [
        {"apiGroups": [""], "resources": ["persistentvolumes"], "verbs": ["list"]},
        {"apiGroups": ["elbv2.k8s.aws"], "resources": ["targetgroupbindings"], "verbs": ["list"]},
    ]
    (role,) = (
        role
        for role in template.properties("AWS::IAM::Role")
        if "lambda.amazonaws.com" in str(role["AssumeRolePolicyDocument"])
    )
    (inline,) = role["Policies"]
    cluster, targets = inline["PolicyDocument"]["Statement"]
    assert cluster["Action"] == "eks:DescribeCluster"
    assert cluster["Resource"] != "*"
    assert targets["Action"] == "elasticloadbalancing:DescribeTargetHealth"


def test_the_gate_runs_where_the_api_server_is_reachable(template: Template) -> None:
    (function,) = template.properties("AWS::Lambda::Function")
    assert function["VpcConfig"]["SubnetIds"]
    assert function["VpcConfig"]["SecurityGroupIds"]


def test_the_namespace_comes_before_what_is_in_it(template: Template) -> None:
    namespaces = _manifests(template, "Namespace")
    for kind, chart in (("Deployment", "Web"), ("DaemonSet", "LogAgent")):
        inside = _manifest(template, kind, chart)
        assert any(template.comes_after(inside, namespace) for namespace in namespaces)


def test_workloads_come_after_nodes_and_add_ons(synthesis: Synthesis) -> None:
    (stack,) = (s for s in synthesis.stacks("dev") if s.stack_name == "dev-Workloads")
    assert any("Platform" in dependency.id for dependency in stack.dependencies)
    (platform,) = (s for s in synthesis.stacks("dev") if s.stack_name == "dev-Platform")
    assert any("Cluster" in dependency.id for dependency in platform.dependencies)


def test_what_would_orphan_load_balancers_is_looked_for_last(template: Template) -> None:
    """CloudFormation deletes in the opposite order: the clean-up after every manifest."""
    (cleanup,) = template.resources(CLEANUP)
    for manifest in template.resources(MANIFEST):
        assert template.comes_after(manifest, cleanup)
    (entry,) = template.resources("AWS::EKS::AccessEntry")
    assert template.comes_after(cleanup, entry)
    assert template.only(CLEANUP)["Namespaces"] == NAMESPACES


def test_only_a_changed_manifest_is_looked_at_again(whole: Synthesis, tmp_path: Path) -> None:
    dev = with_all_parts(DEV)
    dev = replace(dev, web=replace(dev.web, image="registry.example/web:2"))
    changed = Synthesis(replace(TABLE, environments=(dev,)), tmp_path)
    before = whole.template("dev", "Workloads")
    after = changed.template("dev", "Workloads")
    (name, one), (_, other) = _rollout(before), _rollout(after)
    assert one["ManifestHash"] != other["ManifestHash"]
    different = {
        name for name in after["Resources"] if before["Resources"][name] != after["Resources"][name]
    }
    migrated = {n for n in different if n.startswith("ChartsMigrations")}
    assert len(migrated) == 2, "a release has a migration of its own"
    assert different - migrated == {_manifest(after, "Deployment"), name}
    for stack in ("Network", "Cluster", "Platform", "Backup"):
        assert dict(whole.template("dev", stack)) == dict(changed.template("dev", stack))


def test_a_service_is_waited_for_where_it_is_a_load_balancer() -> None:
    def service(name: str, kind: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "web"}
        return {"kind": "Service", "metadata": metadata, "spec": {"type": kind}}

    (found,) = watched([service("web", "ClusterIP"), service("web-public", "LoadBalancer")])
    assert (found["kind"], found["name"]) == ("Service", "web-public")


def test_load_balancers_get_the_public_subnets(template: Template) -> None:
    (ingress,) = (m for m in manifests(template) if m["kind"] == "Ingress")
    subnets = ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/subnets"]
    assert subnets.count("<reference>") == len(DEV.network.zones)
    source = template.resources(MANIFEST)[_manifest(template, "Ingress")]["Properties"]["Manifest"]
    assert not [found for found in references(source) if "Identity" not in found]
    assert str(source).count("PublicSubnet") == len(DEV.network.zones)


def test_what_holds_other_objects_is_never_pruned(template: Template) -> None:
    for name in _manifests(template, "Namespace"):
        properties = template.resources(MANIFEST)[name]["Properties"]
        assert "PruneLabel" not in properties
        assert "prune" not in str(properties["Manifest"])
