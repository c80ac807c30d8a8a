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

CHART = velero.HERE / "chart"


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
