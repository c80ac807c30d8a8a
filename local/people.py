"""Somebody to log in as: a user with MFA in each identity account, as organizations have them.

The stand-in holds trust policies to their word, so nobody gets a role here without a second factor.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from config.access import PREFIX
from config.environments import TABLE
from local import totp
from local.errors import LocalError
from local.target import SECRET

USER = "somebody"


def settle_in(file: Path, endpoint: str) -> None:
    """Make the user of each identity account, and keep in `file` what they'd know and carry."""
    accounts = {environment.access.identity_account for environment in TABLE.environments}
    region = TABLE.tooling.region
    people = {account: _make(account, region, endpoint) for account in sorted(accounts)}
    file.touch(mode=0o600)
    file.write_text(json.dumps(people))


def assume(file: Path, endpoint: str, *, account: str, role: str, region: str) -> Mapping[str, Any]:
    """Return a role's credentials, got with a user's key and a code of their device.

    Raises LocalError when there is no such user, and botocore's ClientError when the role says no.
    """
    people = json.loads(file.read_text()) if file.exists() else {}
    if account not in people:
        raise LocalError(f"Nobody lives in identity account {account}; 'make down' and 'make up'.")
    person = people[account]
    sts = boto3.Session(person["key"], person["secret"], region_name=region).client(
        "sts", endpoint_url=endpoint
    )
    assumed = sts.assume_role(
        RoleArn=role,
        RoleSessionName=USER,
        SerialNumber=person["serial"],
        TokenCode=totp.code(person["seed"], time.time()),
    )
    credentials: Mapping[str, Any] = assumed["Credentials"]
    return credentials


def _make(account: str, region: str, endpoint: str) -> Mapping[str, str]:
    root = boto3.Session(account, SECRET, region_name=region)
    iam = root.client("iam", endpoint_url=endpoint)
    iam.create_user(UserName=USER)
    allow = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": f"arn:aws:iam::*:role/{PREFIX}-*",
    }
    iam.put_user_policy(
        UserName=USER,
        PolicyName="assume",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=USER)["VirtualMFADevice"]
    seed = device["Base32StringSeed"].decode()
    now = time.time()
    iam.enable_mfa_device(
        UserName=USER,
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1=totp.code(seed, now - totp.STEP_SECONDS),
        AuthenticationCode2=totp.code(seed, now),
    )
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return {
        "key": key["AccessKeyId"],
        "secret": key["SecretAccessKey"],
        "serial": device["SerialNumber"],
        "seed": seed,
    }
