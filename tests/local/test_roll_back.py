"""The way back that waits for no build, of docs/roll-back.md: an older image by its digest."""

import json
import sys
from pathlib import Path

from local.cdk import Cdk
from tests.local.machine import Machine

DIGESTS = {
    name: f"docker.io/mindforce/{name}:0.0.9@sha256:{digit * 64}"
    for name, digit in (("web", "a"), ("database", "b"), ("drill", "c"))
}


def test_an_older_image_serves_again_by_its_digest(changing: Machine, tmp_path: Path) -> None:
    images, assembly = tmp_path / "images.json", tmp_path / "cdk.out"
    images.write_text(json.dumps(DIGESTS))
    cdk = Cdk(tmp_path / "log")
    cdk.synth(f"{sys.executable} -O app.py --pipeline --images {images}", assembly)
    said: list[str] = []
    cdk.deploy(changing.target, assembly, "dev/*", said.append)
    assert "dev/Workloads stands" in said
    assert changing.stack("Workloads")["StackStatus"] == "UPDATE_COMPLETE"
    # The gate let the stack end only now.
    web = changing.kubectl("get", "deployment", "web", "-n", "web", "-o", "json")
    status = web["status"]
    assert status["observedGeneration"] == web["metadata"]["generation"]
    assert status["updatedReplicas"] == status["readyReplicas"] == status["replicas"] >= 3
    for namespace, name in (("web", "web"), ("database", "database")):
        pods = changing.kubectl(
            "get", "pods", "-n", namespace, "-l", f"app.kubernetes.io/name={name}", "-o", "json"
        )
        running = [pod for pod in pods["items"] if "deletionTimestamp" not in pod["metadata"]]
        assert running
        for pod in running:
            (container,) = pod["spec"]["containers"]
            assert container["image"].endswith(f"/{DIGESTS[name].removeprefix('docker.io/')}")
    cron = changing.kubectl("get", "cronjob", "restore-drill", "-n", "velero", "-o", "json")
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(f"/{DIGESTS['drill'].removeprefix('docker.io/')}")
