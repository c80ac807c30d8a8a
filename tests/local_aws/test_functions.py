"""Lambda functions run with their own environment, layers and role, and with nothing of ours."""

import io
import json
import zipfile
from typing import Any

import pytest

from tests.local_aws.support import Account, StackFailedError, network, role

INSPECT = """
import json, os, subprocess
def handler(event, context):
    import boto3
    run = subprocess.run(["tool"], capture_output=True, text=True)
    return {"environment": dict(os.environ), "tool": run.stdout,
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
    }
    with account.stack(resources) as stack:
        name = account.resource(stack, "Function")
        answer = account.client("lambda").invoke(FunctionName=name)
        seen = json.loads(answer["Payload"].read())
        assert seen["tool"] == "from the layer\n"
        assert seen["environment"]["GREETING"] == "hello"
        assert seen["environment"]["AWS_REGION"] == "eu-central-1"
        assert not {"AUTH", "GATEWAY_PORT", "PYTHONPATH"} & set(seen["environment"])
        assert f"assumed-role/{account.resource(stack, 'Role')}/" in seen["who"]


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
