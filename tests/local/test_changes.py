"""What a change of the config does to what stands, and what a bad one leaves behind."""

import os
import re
import signal
from typing import Any

import pytest

from tests.local.machine import Machine, eventually, variant


def _since(dev: Machine, stack: str, before: int) -> list[tuple[str, str]]:
    return [(e["LogicalResourceId"], e["ResourceStatus"]) for e in dev.events(stack)[before:]]


def _web(dev: Machine) -> Any:
    return dev.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")


def test_a_changed_value_updates_just_what_it_concerns(changing: Machine) -> None:
    stacks = ("Network", "Cluster", "Backup", "Workloads")
    before = {stack: len(changing.events(stack)) for stack in stacks}
    shown = changing.run("diff", "--app", variant("web.target_cpu_percent=60")).stdout
    assert '\\"averageUtilization\\":60' in shown or '"averageUtilization":60' in shown
    assert "Stack dev/Network" in shown

    done = changing.up("web.target_cpu_percent=60")
    assert done.returncode == 0, done.stderr

    for stack in ("Network", "Cluster", "Backup"):
        assert _since(changing, stack, before[stack]) == []
    touched = {name for name, _ in _since(changing, "Workloads", before["Workloads"])}
    touched.discard("dev-Workloads")
    assert len(touched) == 2
    assert all(name.startswith("ChartsWeb") for name in touched)
    assert not any("Namespace" in name for name in touched)
    scaler = changing.kubectl("get", "hpa", "web", "-n", "web", "-o", "json")
    assert scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60


def test_nodes_and_endpoints_grow_by_a_line_each(changing: Machine) -> None:
    done = changing.up(
        "cluster.node_groups.0.desired_size=3", 'network.interface_endpoints=["sts","ec2"]'
    )
    assert done.returncode == 0, done.stderr
    assert len(changing.kubectl("get", "nodes", "-o", "json")["items"]) == 3
    ec2 = changing.client("ec2")
    found = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    endpoints = [e for e in found if e["VpcEndpointType"] == "Interface"]
    assert {e["ServiceName"].rsplit(".", 1)[1] for e in endpoints} == {"sts", "ec2"}
    for endpoint in endpoints:
        assert endpoint["PrivateDnsEnabled"] is True
        assert len(endpoint["SubnetIds"]) == 2
        (group,) = ec2.describe_security_groups(
            GroupIds=[g["GroupId"] for g in endpoint["Groups"]]
        )["SecurityGroups"]
        (rule,) = group["IpPermissions"]
        assert [r["CidrIp"] for r in rule["IpRanges"]] == ["10.10.0.0/16"]


def test_a_newer_version_would_replace_nothing(dev: Machine) -> None:
    shown = dev.run("diff", "--app", variant("cluster.version=1.36")).stdout
    # CloudFormation's own judgement, from a change set that is never executed.
    changes = [line.split()[:2] for line in shown.splitlines() if line.startswith("[")]
    kinds = ["AWS::EKS::Cluster", "AWS::EKS::Nodegroup", "Custom::AWSCDK-EKS-HelmChart"]
    assert changes == [["[~]", kind] for kind in kinds]
    assert shown.count("[~] Version") == 2
    # Whether a custom resource is replaced is its handler's word: CDK's upgrades it in place.
    replaced = [line.split()[1] for line in shown.splitlines() if "may be replaced" in line]
    assert set(replaced) <= {"Custom::AWSCDK-EKS-HelmChart"}
    assert "requires replacement" not in shown


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("pull.invalid/web:1", "ErrImagePull|ImagePullBackOff"),
        ("crash.invalid/web:1", "CrashLoopBackOff"),
    ],
)
def test_an_image_that_never_gets_ready_fails_its_stack_and_the_old_one_serves_on(
    changing: Machine, image: str, reason: str
) -> None:
    good = _web(changing)["spec"]["template"]["spec"]["containers"][0]["image"]
    done = changing.up(f"broken={image}", "web.rollout_seconds=30")
    assert done.returncode == 1
    assert "Deployment web/web" in done.stderr
    assert any(word in done.stderr for word in reason.split("|")), done.stderr
    assert changing.stack("Workloads")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    web = _web(changing)
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == good
    assert web["status"]["readyReplicas"] == web["status"]["updatedReplicas"] >= 3


def test_a_chart_that_the_api_server_refuses_is_named_and_rolled_back(changing: Machine) -> None:
    done = changing.up("port=70000")
    assert done.returncode == 1
    assert re.search(r'Service .?"web.?" is invalid', done.stderr)
    assert "70000" in done.stderr
    assert changing.stack("Workloads")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    service = changing.kubectl("get", "service", "web", "-n", "web", "-o", "json")
    assert service["spec"]["ports"][0]["port"] == 7777


def test_an_interrupted_up_is_waited_for_and_gone_on_with(changing: Machine) -> None:
    change = "web.image=docker.io/mindforce/web:0.2.0"
    with changing.begin("up", "--app", variant(change)) as first:
        try:
            # Synthesis comes first, which takes its time on a busy machine.
            eventually(
                lambda: changing.stack("Workloads")["StackStatus"] == "UPDATE_IN_PROGRESS",
                seconds=240,
            )
        finally:
            # As a terminal's Ctrl-C does: to the whole group.
            os.killpg(first.pid, signal.SIGINT)
            _, said = first.communicate()
    assert first.returncode == 130
    assert "interrupted: 'make up' goes on from here" in said

    again = changing.up(change)
    assert again.returncode == 0, again.stderr
    assert changing.stack("Workloads")["StackStatus"] == "UPDATE_COMPLETE"
    (container,) = _web(changing)["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith("/mindforce/web:0.2.0")


def test_up_without_a_change_changes_nothing(dev: Machine) -> None:
    before = {stack: len(dev.events(stack)) for stack in ("Cluster", "Workloads")}
    done = dev.up()
    assert done.returncode == 0, done.stderr
    assert before == {stack: len(dev.events(stack)) for stack in before}
