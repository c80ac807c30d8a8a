"""The chart that stands in for Velero's own: of its version, and deaf to nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.tools import velero
from local.tools.go import pinned
from mindforce.velero import CHART_VERSION, PLUGIN_VERSION, VERSION
from tests.local_kubernetes.velero_values import VALUES
from tests.synthesis import Synthesis, plain

CHART = velero.HERE / "chart"
RELEASE = "Custom::AWSCDK-EKS-HelmChart"


def _render(tools: Path, folder: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    command = [str(tools / "helm"), "template", "velero", str(CHART), "--values", str(file)]
    return subprocess.run(
        command, env={"HOME": str(folder)}, capture_output=True, text=True, check=False
    )


def test_what_is_built_is_what_is_deployed() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["version"] == CHART_VERSION
    assert pinned(velero.HERE, velero.MODULE) == f"v{VERSION}"
    assert pinned(velero.HERE, velero.PLUGIN_MODULE) == f"v{PLUGIN_VERSION}"


def test_values_decide_what_runs(tools: Path, tmp_path: Path) -> None:
    done = _render(tools, tmp_path, VALUES)
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    (server,) = (o for o in objects if o["kind"] == "Deployment")
    (container,) = server["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"docker.io/velero/velero:v{VERSION}"
    assert "--features=EnableCSI" in container["args"]
    assert {o["kind"] for o in objects} >= {"DaemonSet", "ServiceAccount", "ClusterRoleBinding"}


def test_what_reads_the_repository_may_write_into_its_home(
    tools: Path, tmp_path: Path, synthesis: Synthesis
) -> None:
    """As do the pods that server and agent make, which have these mounts and this environment."""
    for environment in synthesis.environments:
        (release,) = (
            one
            for one in synthesis.template(environment, "Platform").properties(RELEASE)
            if one["Release"] == "velero"
        )
        done = _render(tools, tmp_path, json.loads(plain(release["Values"])))
        assert done.returncode == 0, done.stderr
        read_only = {}
        for item in yaml.safe_load_all(done.stdout):
            if item["kind"] not in ("Deployment", "DaemonSet"):
                continue
            pod = item["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            empty = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
            writable = {m["mountPath"] for m in container["volumeMounts"] if m["name"] in empty}
            (home,) = (e["value"] for e in container["env"] if e["name"] == "HOME")
            assert home in writable
            context = container["securityContext"]
            read_only[item["kind"]] = context.get("readOnlyRootFilesystem", False)
        assert read_only == {"Deployment": True, "DaemonSet": False}


@pytest.mark.parametrize(
    "change",
    [
        {"schedules": {}},
        {"backupsEnabled": True},
        {"credentials": {"useSecret": True}},
        {"configuration": {**VALUES["configuration"], "logLevel": "debug"}},
        {"nodeAgent": {**VALUES["nodeAgent"], "disableHostPath": False}},
    ],
)
def test_a_value_that_it_does_not_know_is_refused(
    tools: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    done = _render(tools, tmp_path, {**VALUES, **change})
    assert done.returncode != 0
    assert "don't meet the specifications of the schema" in done.stderr
