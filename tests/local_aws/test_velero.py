"""What Velero is given here: credentials that end, and a password of ours or none at all."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from delivery import velero
from delivery.backup import backup
from tests.local_aws.clusters import Cluster
from tests.local_aws.support import Account, eventually
from tests.local_aws.velero import installed
from tests.outage import outage

LIFETIME = 3.0


class Lent:
    """Credentials of a user that may use a bucket; each ends for good after a few seconds."""

    def __init__(self, account: Account, actions: list[str]) -> None:
        self._iam = account.client("iam")
        self.user = f"velero-{uuid.uuid4().hex[:8]}"
        self._iam.create_user(UserName=self.user)
        self.allow(actions)
        self.given: list[str] = []
        self.says_for = LIFETIME

    def allow(self, actions: list[str]) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._iam.put_user_policy(UserName=self.user, PolicyName="own", PolicyDocument=document)

    def __call__(self, namespace: str, service_account: str) -> Mapping[str, Any] | None:
        if (namespace, service_account) != ("velero", "velero"):
            return None
        key = self._iam.create_access_key(UserName=self.user)["AccessKey"]
        self.given.append(key["AccessKeyId"])
        ends = threading.Timer(
            LIFETIME,
            self._iam.delete_access_key,
            kwargs={"UserName": self.user, "AccessKeyId": key["AccessKeyId"]},
        )
        ends.daemon = True
        ends.start()
        until = time.gmtime(time.time() + self.says_for)
        return {
            "AccessKeyId": key["AccessKeyId"],
            "SecretAccessKey": key["SecretAccessKey"],
            "Token": "",
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", until),
        }


@pytest.fixture
def bucket(account: Account) -> Iterator[str]:
    name = f"backups-{uuid.uuid4().hex[:8]}"
    s3 = account.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield name
    for item in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.fixture(autouse=True)
def on_path(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")


def test_credentials_that_end_during_a_backup_are_fetched_anew(
    bare: Cluster, tools: Path, bucket: str
) -> None:
    lent = Lent(bare.account, ["s3:*"])
    with (
        outage(bare.account.server.endpoint) as s3,
        installed(bare, tools, lent) as running,
    ):
        running.look_at(bucket, by=s3)
        # From here on a backup takes longer than its credentials last.
        s3.seconds_a_write = LIFETIME / 2
        asked = len(lent.given)
        began = time.monotonic()
        backup(running.api, "long", ["default"], seconds=120)
        assert time.monotonic() - began > 2 * LIFETIME
        assert len(lent.given) > asked + 2
        # Were they to end before they say, nothing would ask for others, and they are refused.
        lent.says_for = 3600
        with pytest.raises(velero.VeleroError, match=r"long-lived is Failed: .*InvalidAccessKeyId"):
            backup(running.api, "long-lived", ["default"], seconds=120)


def test_velero_waits_for_a_password_that_it_may_read(
    bare: Cluster, tools: Path, account: Account
) -> None:
    """It would make itself one that everybody knows."""
    secrets = account.client("secretsmanager")
    name = f"password-{uuid.uuid4().hex[:8]}"
    lent = Lent(account, ["s3:*"])
    lent.says_for = 3600
    with installed(bare, tools, lent, secret=name) as running:

        def waits(reason: str) -> Callable[[], bool]:
            return lambda: reason in running.waits

        eventually("it waits for the permission", waits("AccessDeniedException"))
        lent.allow(["s3:*", "secretsmanager:GetSecretValue"])
        eventually("it waits for the secret", waits("ResourceNotFoundException"))
        path = "api/v1/namespaces/velero/secrets/velero-repo-credentials"
        assert running.api.find(path) is None
        assert running.pid is None
        secrets.create_secret(Name=name, SecretString="ours")
        eventually("it runs", lambda: running.pid is not None)
        held = running.api.get(path)["data"]
        assert held == {"repository-password": "b3Vycw=="}
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
