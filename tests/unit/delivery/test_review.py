"""The page that is approved names every object that changes, and what would be lost."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from delivery import review
from delivery.review import page
from guards import assembly
from guards.objects import objects
from guards.synthesis import GOLDEN, templates_in


def templates(image: str, **resources: Any) -> dict[str, dict[str, Any]]:
    pods = [
        {"kind": "Deployment", "metadata": {"name": "web", "namespace": "web"}, "image": image},
        {"kind": "Service", "metadata": {"name": "web", "namespace": "web"}},
    ]
    manifest = {"Fn::Join": ["", [json.dumps(pods)]]}
    return {
        "prod-Workloads": {
            "Resources": {
                "Web": {
                    "Type": "Custom::AWSCDK-EKS-KubernetesResource",
                    "Properties": {"Manifest": manifest},
                },
                **resources,
            }
        }
    }


BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}


def test_a_changed_object_is_shown_and_others_are_not() -> None:
    text = page("prod", templates("a:1"), templates("a:2"), "Stack prod-Workloads")
    assert "-image: a:1" in text
    assert "+image: a:2" in text
    assert "Deployment web/web now" in text
    assert "Service web/web" not in text
    assert "Stack prod-Workloads" in text


def test_what_would_be_lost_comes_first() -> None:
    text = page("prod", templates("a:1", Data=BUCKET), templates("a:1"), "")
    assert text.index("Data (AWS::S3::Bucket) holds data") < text.index("Kubernetes objects")


def role(*actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policies = [{"PolicyName": "own", "PolicyDocument": {"Statement": [statement]}}]
    return {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}


def test_what_becomes_allowed_is_told() -> None:
    old = templates("a:1", Role=role("s3:GetObject"))
    text = page("prod", old, templates("a:1", Role=role("s3:GetObject", "s3:PutObject")), "")
    (told,) = (part for part in text.split("<h2>") if part.startswith("What becomes allowed"))
    assert "prod-Workloads Role allows: s3:PutObject on *" in told
    assert "s3:GetObject" not in told


def test_what_is_replaced_is_told_also_where_it_holds_nothing() -> None:
    old, new = (
        templates("a:1", Role={"Type": "AWS::IAM::Role", "Properties": {"RoleName": name}})
        for name in ("old", "new")
    )
    text = page("prod", old, new, "")
    assert "Role (AWS::IAM::Role): its RoleName changes, which replaces it" in text


def test_no_secret_is_on_a_page_that_shows_all_of_an_environment() -> None:
    for environment, new in templates_in(GOLDEN).items():
        text = page(environment, {}, new, json.dumps(new))
        assert "SecretString&quot;:" not in text.replace("GenerateSecretString", "")
        for _, _, resource in assembly.resources(new):
            if resource["Type"] == "AWS::SecretsManager::Secret":
                assert "SecretString" not in resource["Properties"]
        assert "Secret" not in {item["kind"] for _, item in objects(new)}


def test_a_pull_requests_page_compares_the_snapshots_of_two_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = tmp_path / "tests" / "snapshot" / "golden"
    file = golden / "dev" / "Workloads.template.json"
    file.parent.mkdir(parents=True)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for actions in (["s3:GetObject"], ["s3:GetObject", "s3:PutObject"]):
        made = templates(f"a:{len(actions)}", Role=role(*actions))
        file.write_text(json.dumps(made["prod-Workloads"], indent=1))
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", "a change"], check=True)
    monkeypatch.setattr(review, "ROOT", tmp_path)
    monkeypatch.setattr(review, "GOLDEN", golden)
    page_file = tmp_path / "page.html"
    assert review.main(["dev", "--since", "HEAD^", "--to", str(page_file)]) == 0
    text = page_file.read_text()
    assert "dev-Workloads Role allows: s3:PutObject on *" in text
    assert "+image: a:2" in text
    # As git's diff of the template has it.
    assert re.search(r"\n\+ +&quot;s3:PutObject&quot;", text)

    assert review.main(["dev", "--since", "nothing", "--to", str(page_file)]) == 1
    assert "FAILED: git archive: fatal: not a valid object name: nothing" in capsys.readouterr().out


def test_nothing_new_says_so_and_what_is_shown_is_no_markup() -> None:
    text = page("prod", templates("a"), templates("a"), "<script>")
    assert "No change." in text
    assert "<script>" not in text
