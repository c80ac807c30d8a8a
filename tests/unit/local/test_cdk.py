"""How the CDK CLI is run; a small script stands in for the CLI itself."""

from pathlib import Path

import pytest

from config.environments import DEV
from local.cdk import Cdk
from local.errors import LocalError
from local.target import Target

TARGET = Target(environment=DEV, endpoint="http://127.0.0.1:1")


@pytest.fixture
def cdk(tmp_path: Path) -> Path:
    """A CLI whose body a test writes."""
    script = tmp_path / "cdk"
    script.write_text("#!/bin/sh\nenv\n")
    script.chmod(0o755)
    return script


def test_credentials_of_a_real_account_never_reach_it(
    cdk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "CDK_DEFAULT_ACCOUNT"):
        monkeypatch.setenv(name, "SECRET-VALUE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SECRET-VALUE")
    said = Cdk(tmp_path / "log", cdk).diff(TARGET, tmp_path, "dev/*")
    assert "SECRET-VALUE" not in said
    assert f"AWS_ACCESS_KEY_ID={DEV.account}" in said
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:1" in said
    assert "NO_PROXY=" in said


def test_what_failed_is_told_before_the_end_of_a_long_output(cdk: Path, tmp_path: Path) -> None:
    cdk.write_text(
        "#!/bin/sh\n"
        "echo 'dev-Web | CREATE_FAILED | no such image'\n"
        "for i in $(seq 200); do echo line $i; done\n"
        "exit 1\n"
    )
    with pytest.raises(LocalError) as caught:
        Cdk(tmp_path / "log", cdk).bootstrap(TARGET, tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[:2] == ["cdk bootstrap failed:", "dev-Web | CREATE_FAILED | no such image"]
    assert lines[-1] == "line 200"
    assert len(lines) < 60


def test_all_that_it_said_is_kept(cdk: Path, tmp_path: Path) -> None:
    cdk.write_text('#!/bin/sh\necho "said: $*"\n')
    log = tmp_path / "log"
    Cdk(log, cdk).bootstrap(TARGET, tmp_path)
    words = f"bootstrap aws://{DEV.account}/{DEV.region} --app {tmp_path}"
    assert log.read_text() == f"$ cdk {words}\nsaid: {words}\n"


def test_each_deployed_stack_is_reported_once(cdk: Path, tmp_path: Path) -> None:
    cdk.write_text(
        "#!/bin/sh\n"
        "echo 'dev-Network | 1/3 | CREATE_COMPLETE | AWS::EC2::VPC | dev/Network/Vpc'\n"
        "echo ' ✅  dev/Network (dev-Network)'\n"
    )
    reported: list[str] = []
    Cdk(tmp_path / "log", cdk).deploy(TARGET, tmp_path, "dev/*", reported.append)
    assert reported == ["dev/Network stands"]
