"""Lambda functions run with their own environment, layers and role, and with nothing of ours."""

import io
import json
import os
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local import processes
from tests.local_aws.conftest import serving
from tests.local_aws.support import (
    ACCOUNT,
    Account,
    StackFailedError,
    eventually,
    network,
    role,
)

INSPECT = """
import json, os, subprocess
def handler(event, context):
    import boto3
    import shutil
    run = subprocess.run(["tool"], capture_output=True, text=True)
    return {"environment": dict(os.environ), "tool": run.stdout,
            "place": os.path.realpath(shutil.which("tool")),
            "who": boto3.client("sts").get_caller_identity()["Arn"]}
"""
RESPOND = """
import json, urllib.request
def handler(event, context):
    if event["RequestType"] == "Create" and event["ResourceProperties"].get("Silent"):
        return
    body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "made", "StackId":
        event["StackId"], "RequestId": event["RequestId"], "LogicalResourceId":
        event["LogicalResourceId"], "Data": {"Greeting": "hello"}}).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT")
    urllib.request.urlopen(request)
"""
LOGS = {"Action": "logs:*", "Resource": "*"}


def function(source: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": source},
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Timeout": 30,
            **more,
        },
    }


def test_process_sees_its_own_environment_only(account: Account) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("tools/tool", "#!/bin/sh\necho from the layer\n")
    layer = account.client("lambda").publish_layer_version(
        LayerName="tools", Content={"ZipFile": packed.getvalue()}
    )["LayerVersionArn"]
    resources = {
        "Role": role("lambda.amazonaws.com", LOGS),
        "Function": function(
            INSPECT, Layers=[layer], Environment={"Variables": {"GREETING": "hello"}}
        ),
        "Other": function(INSPECT, Layers=[layer]),
    }
    with account.stack(resources) as stack:
        seen, other = (
            json.loads(
                account.client("lambda")
                .invoke(FunctionName=account.resource(stack, name))["Payload"]
                .read()
            )
            for name in ("Function", "Other")
        )
        assert seen["place"] == other["place"]
        assert seen["tool"] == "from the layer\n"
        assert seen["environment"]["GREETING"] == "hello"
        assert seen["environment"]["AWS_REGION"] == "eu-central-1"
        assert not {"AUTH", "GATEWAY_PORT", "PYTHONPATH"} & set(seen["environment"])
        assert f"assumed-role/{account.resource(stack, 'Role')}/" in seen["who"]


def _pid_file(state: Path, function: str) -> Path | None:
    """Of a function's process that has started."""
    folder = state / "emulator" / "functions"
    return next(iter(folder.glob(f"{function}-*.pid")), None)


def test_a_process_has_a_session_and_a_pid_file_until_it_ends(account: Account) -> None:
    resources = {
        "Role": role("lambda.amazonaws.com", LOGS),
        "Function": function("def handler(event, context): return 1"),
    }
    aws = account.client("lambda")
    state = account.server.state
    with account.stack(resources) as stack:
        name = account.resource(stack, "Function")
        aws.invoke(FunctionName=name)
        file = _pid_file(state, name)
        assert file is not None
        pid = processes.running(file)
        assert pid is not None
        assert file.name == f"{name}-{pid}.pid"
        assert os.getsid(pid) == pid
    assert processes.running(file) is None
    with account.stack(resources) as stack:
        aws.invoke(FunctionName=account.resource(stack, "Function"))
        assert not file.exists()


HANG = """
import subprocess
def handler(event, context):
    subprocess.run(["sleep", "600"])
"""


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def test_a_killed_servers_functions_end_when_the_next_one_starts(
    tmp_path: Path, charts: Path
) -> None:
    resources = {
        "Role": role("lambda.amazonaws.com", LOGS),
        "Function": function(HANG, Timeout=600),
    }
    with serving(tmp_path, charts) as first:
        account = Account(first, ACCOUNT)
        account.create("hanging", resources)
        name = account.resource("hanging", "Function")
        account.client("lambda").invoke(FunctionName=name, InvocationType="Event")
        eventually("it has started", lambda: _pid_file(tmp_path, name) is not None)
        file = _pid_file(tmp_path, name)
        assert file is not None
        pid = processes.running(file)
        assert pid is not None
        eventually("it is in its command", lambda: bool(_descendants(pid)))
        command = _descendants(pid)[0]
        os.kill(first.pid, signal.SIGKILL)
    assert processes.running(file) == pid
    with serving(tmp_path, charts):
        assert processes.running(file) is None
        assert not file.exists()
    eventually("its command has ended", lambda: not Path(f"/proc/{command}/cwd").exists())


def test_vpc_configuration_shows_through_the_api(account: Account) -> None:
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "test", "VpcId": {"Ref": "Vpc"}},
    }
    placed = {
        "SubnetIds": [{"Ref": "SubnetA"}],
        "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
    }
    resources = {
        **network("a"),
        "Group": group,
        "Role": role("lambda.amazonaws.com"),
        "Function": function("def handler(event, context): ...", VpcConfig=placed),
    }
    with account.stack(resources) as stack:
        shown = account.client("lambda").get_function_configuration(
            FunctionName=account.resource(stack, "Function")
        )["VpcConfig"]
        assert shown["SubnetIds"] == [account.resource(stack, "SubnetA")]
        assert shown["SecurityGroupIds"] == [account.resource(stack, "Group")]


def custom(**properties: Any) -> dict[str, Any]:
    return {
        "Role": role("lambda.amazonaws.com", LOGS),
        "Function": function(RESPOND),
        "Thing": {
            "Type": "Custom::Thing",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, **properties},
        },
    }


def test_custom_resource_answers(account: Account) -> None:
    with account.stack(custom()) as stack:
        assert account.resource(stack, "Thing") == "made"


def test_silent_custom_resource_fails_after_its_time(account: Account) -> None:
    with pytest.raises(StackFailedError, match="timed out after 1s"):
        account.create("silent", custom(Silent="yes", ServiceTimeout=1))
    account.delete("silent")
