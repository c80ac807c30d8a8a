"""Releases: installed where the chart is given, else recorded and said so."""

import json
import subprocess

from tests.local_aws.clusters import Cluster


def helm(cluster: Cluster, *words: str) -> str:
    tools = cluster.account.server.tools
    commands = cluster.account.server.state / "emulator" / "bin"
    done = subprocess.run(
        [commands / "helm", *words, "--kubeconfig", str(cluster.folder / "admin.kubeconfig")],
        env={"PATH": f"{commands}:{tools}:/usr/bin:/bin", "HOME": str(cluster.folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_chart_that_was_given_is_installed(bare: Cluster) -> None:
    repository = ["--repo", "https://charts.example.invalid", "--version", "1.2.3"]
    values = bare.folder / "values.json"
    values.write_text(json.dumps({"text": "hello"}))
    # By its chart's own name, as releases often are.
    helm(bare, "upgrade", "greeter", "greeter", "--install", *repository, "--values", str(values))
    assert bare.kubectl("get", "configmap", "greeting", "-o", "json")["data"]["text"] == "hello"
    helm(bare, "uninstall", "greeter")
    names = [
        item["metadata"]["name"]
        for item in bare.kubectl("get", "configmaps", "-o", "json")["items"]
    ]
    assert "greeting" not in names


def test_a_chart_out_of_reach_is_recorded_and_said_so(bare: Cluster) -> None:
    repository = ["--repo", "https://charts.example.invalid", "--version", "9.9.9"]
    said = helm(bare, "upgrade", "two", "greeter", "--install", *repository)
    assert "RECORDED, NOT INSTALLED" in said
    record = bare.kubectl("get", "configmap", "helm-release-two", "-o", "json")["data"]
    assert record["installed"] == "false"
    assert (record["chart"], record["version"]) == ("greeter", "9.9.9")
    helm(bare, "uninstall", "two")
    names = [
        item["metadata"]["name"]
        for item in bare.kubectl("get", "configmaps", "-o", "json")["items"]
    ]
    assert "helm-release-two" not in names
