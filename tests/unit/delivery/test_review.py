"""The page that is approved names every object that changes, and what would be lost."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from config.environments import PROD
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


def test_what_the_cluster_would_refuse_is_told_whoever_accepted_it() -> None:
    old, new = templates("a:1"), templates("a:1")
    for made, size in ((old, "10Gi"), (new, "20Gi")):
        claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": size}}}
        item = {
            "kind": "StatefulSet",
            "metadata": {"name": "database", "namespace": "database"},
            "spec": {"volumeClaimTemplates": [claim]},
        }
        manifest = {"Fn::Join": ["", [json.dumps([item])]]}
        made["prod-Workloads"]["Resources"]["Database"] = {
            "Type": "Custom::AWSCDK-EKS-KubernetesResource",
            "Properties": {"Manifest": manifest},
        }
    text = page("prod", old, new, "")
    (told,) = (part for part in text.split("<h2>") if part.startswith("What would fail in the"))
    assert "can&#x27;t change its spec.volumeClaimTemplates while it stands" in told


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


class Account:
    """Knows stacks by name, as STS and CloudFormation answer to who may look at them."""

    def __init__(self, stacks: Mapping[str, Any], trusts: bool = True) -> None:
        self._stacks, self._trusts = stacks, trusts
        self.assumed: list[str] = []

    def client(self, service: str, **_given: Any) -> "Account":
        return self

    def assume_role(self, RoleArn: str, RoleSessionName: str) -> Mapping[str, Any]:
        if not self._trusts:
            raise refusal("AccessDenied", f"not authorized to perform: sts:AssumeRole on {RoleArn}")
        self.assumed.append(RoleArn)
        made = {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}
        return {"Credentials": made}

    def get_template(self, StackName: str, TemplateStage: str) -> Mapping[str, Any]:
        assert TemplateStage == "Original"
        if StackName not in self._stacks:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        if self._stacks[StackName] is None:
            raise refusal("AccessDenied", "not authorized to perform: cloudformation:GetTemplate")
        return {"TemplateBody": self._stacks[StackName]}


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "AssumeRole")


def test_what_is_deployed_is_read_by_the_role_for_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    # botocore parses a template that is JSON, and leaves others as text.
    account = Account({"prod-Network": made, "prod-Cluster": json.dumps(made)})
    monkeypatch.setattr("boto3.client", account.client)
    # A stack that isn't there yet is one that comes whole.
    found = review.deployed(PROD, ["prod-Network", "prod-Cluster", "prod-Workloads"])
    assert found == {"prod-Network": made, "prod-Cluster": made}
    where = f"{PROD.account}-{PROD.region}"
    role = f"arn:aws:iam::{PROD.account}:role/cdk-hnb659fds-lookup-role-{where}"
    assert account.assumed == [role]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account({}, trusts=False), "sts:AssumeRole on arn:aws:iam::.*lookup-role.*bootstrap"),
        # What can't be read is no stack that isn't there.
        (Account({"prod-Network": None}), "cloudformation:GetTemplate.*'make bootstrap'"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_not_a_new_stack(
    monkeypatch: pytest.MonkeyPatch, account: Account, said: str
) -> None:
    monkeypatch.setattr("boto3.client", account.client)
    with pytest.raises(review.ReviewError, match=f"prod can't be read: .*{said}"):
        review.deployed(PROD, ["prod-Network"])
