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
from delivery import branch, review
from delivery.branch import ReviewError
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


class Branch:
    """A clone whose HEAD is a branch, and what its snapshots allow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.golden = folder / "tests" / "snapshot" / "golden"
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("dev", "s3:GetObject")

    def git(self, *words: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", "-C", str(self.folder), *identity, *words], check=True)

    def commit(self, environment: str, *actions: str) -> None:
        made = templates(f"a:{len(actions)}", Role=role(*actions))["prod-Workloads"]
        file = self.golden / environment / "Workloads.template.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(made, indent=1))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")

    def page(self, environment: str, *assembly: str, since: str = "main") -> str:
        file = self.folder / "page.html"
        words = [environment, *assembly, "--since", since, "--to", str(file)]
        assert review.main(words) == 0
        return file.read_text()


@pytest.fixture
def on_branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Branch:
    made = Branch(tmp_path)
    made.git("checkout", "--quiet", "-b", "change")
    monkeypatch.setattr(branch, "ROOT", made.folder)
    monkeypatch.setattr(branch, "GOLDEN", made.golden)
    return made


def test_a_pull_requests_page_compares_the_snapshots_of_two_commits(on_branch: Branch) -> None:
    on_branch.commit("dev", "s3:GetObject", "s3:PutObject")
    text = on_branch.page("dev")
    assert "dev-Workloads Role allows: s3:PutObject on *" in text
    assert "+image: a:2" in text
    # As a diff of the template has it.
    assert re.search(r"\n\+ +&quot;s3:PutObject&quot;", text)
    assert "Nothing was synthesized: these are the snapshots of the commit." in text


def test_what_came_to_the_other_branch_since_is_no_part_of_it(on_branch: Branch) -> None:
    on_branch.commit("stage", "s3:GetObject")
    on_branch.git("checkout", "--quiet", "main")
    on_branch.commit("dev", "s3:GetObject", "s3:PutObject")
    on_branch.git("checkout", "--quiet", "change")
    assert "s3:PutObject" not in on_branch.page("dev")


def test_what_was_synthesized_is_shown_though_no_snapshot_has_it(
    on_branch: Branch, tmp_path: Path
) -> None:
    folder = tmp_path / "cdk.out"
    made = {"dev": "dev-Workloads", "tooling": "Pipeline"}
    for account, stack in made.items():
        nested = folder if account == "tooling" else folder / f"assembly-{account}"
        nested.mkdir(parents=True, exist_ok=True)
        found = templates("a:1", Role=role("s3:GetObject", "s3:PutObject"))["prod-Workloads"]
        (nested / "template.json").write_text(json.dumps(found))
        artifact = {
            "type": "aws:cloudformation:stack",
            "properties": {"stackName": stack, "templateFile": "template.json"},
        }
        (nested / "manifest.json").write_text(json.dumps({"artifacts": {stack: artifact}}))
    text = on_branch.page("dev", str(folder))
    assert "dev-Workloads Role allows: s3:PutObject on *" in text
    assert "s3:GetObject on *" not in text
    assert "Nothing was synthesized" not in text
    # The pipeline itself has a page, too.
    assert "Pipeline Role allows: s3:PutObject on *" in on_branch.page("tooling", str(folder))


def test_where_it_left_a_branch_that_is_not_there_cannot_be_told(
    on_branch: Branch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dev", "--since", "nothing", "--to", str(on_branch.folder / "page.html")]
    assert review.main(words) == 1
    said = "FAILED: git can't tell where HEAD left nothing: fatal: Not a valid object name nothing"
    assert said in capsys.readouterr().out


def test_the_pipelines_account_is_compared_with_snapshots_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        review.main(["tooling", "cdk.out", "--to", "page.html"])
    assert "an assembly of an environment (dev, stage, prod), or --since" in capsys.readouterr().err


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
    with pytest.raises(ReviewError, match=f"prod can't be read: .*{said}"):
        review.deployed(PROD, ["prod-Network"])
