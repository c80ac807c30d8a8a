"""pgBackRest's repository: a bucket of the stand-in for AWS, reached as S3 and STS are, by TLS.

pgBackRest speaks TLS only, and knows STS by its one global name. So members are told by /etc/hosts
that both are at an address of this machine, where the stand-in is behind a certificate.
"""

import asyncio
import json
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.kubernetes.certificates import Pair
from local.kubernetes.components import API_AUDIENCE
from tests.image.container import Mount
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.local_aws.support import ACCOUNT, REGION, Account

BUCKET = "database-backups"
ROLE = "database"
STANZA = "main"
_STS = "sts.amazonaws.com"
_S3 = f"s3.{REGION}.amazonaws.com"
_HOSTS = (_STS, f"{BUCKET}.{_S3}")
_TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


class Repository:
    """A bucket, and the one role that may use it: by a token of the members' service account."""

    def __init__(self, account: Account, kubernetes: Kubernetes, folder: Path) -> None:
        """Write what members mount to `folder`."""
        self._account = account
        self.folder = folder
        account.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        issuer = API_AUDIENCE.removeprefix("https://")
        self._role(ROLE, f"{issuer}:sub", f"system:serviceaccount:{NAMESPACE}:patroni")
        self._role("stranger", f"{issuer}:sub", f"system:serviceaccount:{NAMESPACE}:web")
        (folder / "token").mkdir(parents=True)
        (folder / "token" / "token").write_text(kubernetes.token(audience=_STS))
        settings = {
            "repo1-type": "s3",
            "repo1-path": "/",
            "repo1-s3-bucket": BUCKET,
            "repo1-s3-endpoint": _S3,
            "repo1-s3-region": REGION,
            "repo1-s3-key-type": "web-id",
            "repo1-retention-full": "2",
            "start-fast": "y",
        }
        lines = ["[global]", *(f"{key}={value}" for key, value in settings.items()), f"[{STANZA}]"]
        (folder / "pgbackrest").mkdir()
        (folder / "pgbackrest" / "pgbackrest.conf").write_text("\n".join(lines) + "\n")

    @property
    def mounts(self) -> list[Mount]:
        """What a member mounts to use it; in production only the first two."""
        authorities = Mount("/etc/ssl/certs/ca-certificates.crt", self.folder / "aws-ca.crt", True)
        return [
            Mount("/etc/pgbackrest", self.folder / "pgbackrest", read_only=True),
            Mount(_TOKEN, self.folder / "token", read_only=True),
            Mount("/etc/hosts", self.folder / "hosts", read_only=True),
            authorities,
        ]

    def environment(self, role: str = ROLE) -> dict[str, str]:
        """What EKS gives to the pods of an account with a role."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        return {"AWS_ROLE_ARN": arn, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{_TOKEN}/token"}

    def keys(self, prefix: str) -> list[str]:
        found = self._account.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    @contextmanager
    def served(self, address: str) -> Iterator[None]:
        """Let members reach it at `address` as they would reach AWS."""
        authority = Pair.authority("aws-ca")
        authority.write(self.folder, "aws-ca")
        authority.issue("aws", hosts=_HOSTS).write(self.folder, "aws")
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{address} {' '.join(_HOSTS)}\n")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "aws.crt", self.folder / "aws.key")
        parts = urlsplit(self._account.server.endpoint)

        async def handle(outer: StreamReader, answer: StreamWriter) -> None:
            inner, ask = await asyncio.open_connection(parts.hostname, parts.port)
            await asyncio.gather(_copy(outer, ask), _copy(inner, answer))

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        starting = asyncio.start_server(handle, address, 443, ssl=context)
        server = asyncio.run_coroutine_threadsafe(starting, loop).result()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _role(self, name: str, key: str, subject: str) -> None:
        iam = self._account.client("iam")
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{key.removesuffix(':sub')}"
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {key: subject}},
        }
        bucket = f"arn:aws:s3:::{BUCKET}"
        objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        allowed: list[Mapping[str, Any]] = [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
            {"Effect": "Allow", "Action": objects, "Resource": f"{bucket}/*"},
        ]
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_document(*allowed))


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
