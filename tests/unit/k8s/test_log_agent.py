"""The log agent: where it runs, what it may, and what it does with what it reads."""

from typing import Any

import pytest
import yaml
from cdk8s import App

from config.errors import ConfigError
from k8s.exceptions import EXCEPTIONS
from k8s.log_agent import CONTAINERS, PODS, LogAgentChart
from tests.synthesis import Synthesis, Template, manifests
from tests.tables import WHOLE
from tests.unit.k8s.fluent_bit import problems

Manifest = dict[str, Any]


def _rendered(**changes: Any) -> list[Manifest]:
    wanted: Manifest = {
        "namespace": "logging",
        "image": "registry.example/fluent-bit:1",
        "cpu_millis": 50,
        "memory_mib": 96,
        "buffer_mib": 256,
        "region": "eu-central-1",
        "log_group": "/logs",
        **changes,
    }
    objects: list[Manifest] = LogAgentChart(App(), "log-agent", **wanted).to_json()
    return objects


def _one(objects: list[Manifest], kind: str) -> Manifest:
    (found,) = (o for o in objects if o["kind"] == kind)
    return found


def _config(**changes: Any) -> Manifest:
    text = _one(_rendered(**changes), "ConfigMap")["data"]["fluent-bit.yaml"]
    config: Manifest = yaml.safe_load(text)
    return config


@pytest.fixture(scope="module")
def daemon_set() -> Manifest:
    return _one(_rendered(), "DaemonSet")


def test_it_runs_on_every_node_before_others(daemon_set: Manifest) -> None:
    pod = daemon_set["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["priorityClassName"] == "node-agent"
    assert "nodeSelector" not in pod
    assert "affinity" not in pod


def test_it_reads_the_nodes_logs_and_writes_nothing_of_the_node(daemon_set: Manifest) -> None:
    pod = daemon_set["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    folders = {v["name"]: v["hostPath"]["path"] for v in pod["volumes"] if "hostPath" in v}
    assert set(folders.values()) == {CONTAINERS, PODS}
    mounts = {m["name"]: m for m in container["volumeMounts"]}
    assert all(mounts[name]["readOnly"] for name in folders)
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_memory_and_disk_are_bounded(daemon_set: Manifest) -> None:
    pod = daemon_set["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "96Mi"}
    (buffer,) = (v for v in pod["volumes"] if "emptyDir" in v)
    config = _config()
    assert config["service"]["storage.max_chunks_up"] * 2 <= 96 / 4
    (source,), (sink,) = config["pipeline"]["inputs"], config["pipeline"]["outputs"]
    assert source["storage.type"] == "filesystem"
    assert sink["storage.total_limit_size"] == "256M"
    assert buffer["emptyDir"]["sizeLimit"] == "320Mi"
    assert source["db"].startswith("/buffer/")


def test_it_sends_to_the_stacks_group_and_makes_none() -> None:
    (sink,) = _config(region="eu-west-1", log_group="/aws/eks/x/pods")["pipeline"]["outputs"]
    assert (sink["region"], sink["log_group_name"]) == ("eu-west-1", "/aws/eks/x/pods")
    # YAML 1.1 reads on and off as true and false.
    assert sink["auto_create_group"] is False
    assert "kubernetes['pod_name']" in sink["log_stream_template"]


def test_every_option_is_one_that_fluent_bit_has() -> None:
    text = _one(_rendered(), "ConfigMap")["data"]["fluent-bit.yaml"]
    assert list(problems(text)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("skip_long_lines", "skip_longlines", "tail: no option 'skip_longlines'"),
        ("storage.type: filesystem", "storage.type: disk", "tail: storage.type can't be 'disk'"),
        ("name: kubernetes", "name: kubernete", "filters: no plug-in 'kubernete'"),
        ("merge_log: on", "merge_log: 1", "kubernetes: merge_log can't be '1'"),
        ("retry_limit: no_limits", "retry_limit: never", "cloudwatch_logs: retry_limit can't be"),
        ("total_limit_size: 256M", "total_limit_size: 256Mi", "total_limit_size can't be '256Mi'"),
        ("health_check: on", "healthcheck: on", "service: no option 'healthcheck'"),
        ("outputs:", "output:", "pipeline.output: no such section"),
    ],
)
def test_an_option_that_fluent_bit_has_not_is_found(right: str, wrong: str, said: str) -> None:
    text = _one(_rendered(), "ConfigMap")["data"]["fluent-bit.yaml"]
    assert right in text
    (problem,) = problems(text.replace(right, wrong))
    assert said in problem


def test_a_changed_configuration_replaces_the_pods() -> None:
    def annotations(**changes: Any) -> Any:
        return _one(_rendered(**changes), "DaemonSet")["spec"]["template"]["metadata"][
            "annotations"
        ]

    assert annotations() == annotations()
    assert annotations() != annotations(buffer_mib=512)


def test_it_may_only_ask_whose_logs_it_reads() -> None:
    (rule,) = _one(_rendered(), "ClusterRole")["rules"]
    assert rule == {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


@pytest.fixture
def template(whole: Synthesis) -> Template:
    return whole.template("dev", "Workloads")


def test_its_role_can_only_add_to_its_group(template: Template) -> None:
    (role,) = (
        role
        for role in template.properties("AWS::IAM::Role")
        if "pods.eks.amazonaws.com" in str(role["AssumeRolePolicyDocument"])
        and "log-agent" in str(role["AssumeRolePolicyDocument"])
    )
    (policy,) = role["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]:
        assert ":log-group:/aws/eks/dev/pods:" in str(statement["Resource"])
    actions = {a for s in policy["PolicyDocument"]["Statement"] for a in s["Action"]}
    assert actions == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_pods_start_after_their_role_and_their_group_is_kept_as_long_as_the_table_says(
    template: Template,
) -> None:
    (agents,) = (
        name
        for name, resource in template.resources("Custom::AWSCDK-EKS-KubernetesResource").items()
        if '"kind":"DaemonSet"' in str(resource)
    )
    (association,) = (
        name
        for name, resource in template.resources("AWS::EKS::PodIdentityAssociation").items()
        if resource["Properties"]["ServiceAccount"] == "log-agent"
    )
    (group,) = (
        name
        for name, resource in template.resources("AWS::Logs::LogGroup").items()
        if resource["Properties"].get("LogGroupName") == "/aws/eks/dev/pods"
    )
    assert template.comes_after(agents, association)
    assert template.comes_after(agents, group)
    agent = WHOLE.environments[0].log_agent
    assert agent
    assert template["Resources"][group]["Properties"]["RetentionInDays"] == agent.retention_days


@pytest.mark.parametrize(
    ("field", "value", "right"),
    [
        ("cpu_millis", 0, "it must be at least 1"),
        ("memory_mib", 63, "it must be at least 64"),
        ("buffer_mib", 31, "it must be at least 32"),
        ("image", "registry.example/fluent-bit", "it must be registry/repository with"),
    ],
)
def test_what_could_not_run_is_refused(field: str, value: object, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _rendered(**{field: value})
    (said,) = str(caught.value).splitlines()
    assert said.startswith(f"logging/log-agent: {field} is {value!r}; {right}")


BY_RELEASES = ("velero/node-agent",)
"""Of Helm releases, whose pods no template of ours shows."""


def _pods(synthesis: Synthesis) -> dict[str, Manifest]:
    """Return the pods' specs of all workloads that we render, by namespace/name."""
    found = {}
    for _, template in synthesis.all():
        for item in manifests(template):
            if item["kind"] == "Schedule":
                # Its template is of backups.
                continue
            spec = item.get("spec") or {}
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            if "template" in spec:
                name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
                found[name] = spec["template"]["spec"]
    return found


def test_every_pod_is_restricted_but_for_the_named_exceptions(whole: Synthesis) -> None:
    pods = _pods(whole)
    ours = {name for name in EXCEPTIONS if name not in BY_RELEASES}
    assert ours <= set(pods), "an exception that nothing needs"
    for name, pod in pods.items():
        exception = EXCEPTIONS.get(name)
        folders = tuple(v["hostPath"]["path"] for v in pod.get("volumes", ()) if "hostPath" in v)
        assert folders == (exception.host_paths if exception else ()), name
        as_root = pod["securityContext"].get("runAsUser") == 0
        assert as_root is (exception.as_root if exception else False), name
        assert pod["securityContext"].get("runAsNonRoot", False) is not as_root, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            assert not pod.get(key), name
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"]["drop"] == ["ALL"], name
            assert not security.get("privileged"), name


def test_only_namespaces_of_exceptions_let_more_in(synthesis: Synthesis) -> None:
    excepted = {name.partition("/")[0]: found.level for name, found in EXCEPTIONS.items()}
    for _, template in synthesis.all():
        for item in manifests(template):
            if item["kind"] == "Namespace":
                name, labels = item["metadata"]["name"], item["metadata"]["labels"]
                level = excepted.get(name, "restricted")
                assert labels["pod-security.kubernetes.io/enforce"] == level, name
