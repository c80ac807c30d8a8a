"""pgBackRest's repository: a bucket of the stand-in for AWS, reached as S3 and STS are, by TLS.

pgBackRest speaks TLS only, and knows STS by its one global name. So members are told by /etc/hosts
that both are at an address of this machine, where the stand-in is behind a certificate.
"""

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.kubernetes.certificates import Pair
from local.kubernetes.components import API_AUDIENCE
from mindforce.policy import document
from tests.image.container import Mount
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.local_aws.support import ACCOUNT, REGION, Account, Server
from tests.relay import relay
from tests.synthesis import plain

BUCKET = "database-backups"
ROLE = "database"
STANZA = "main"
_STS = "sts.amazonaws.com"
_S3 = f"s3.{REGION}.amazonaws.com"
# pgBackRest knows the global name alone, and what is told to be regional asks the other.
HOSTS = (_STS, f"sts.{REGION}.amazonaws.com", f"{BUCKET}.{_S3}")
_TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


class Repository:
    """A bucket, and the one role that may use it: by a token of the members' service account."""

    def __init__(self, account: Account, kubernetes: Kubernetes, folder: Path) -> None:
        """Write what members mount to `folder`."""
        self.account = account
        self.folder = folder
        make_bucket(account)
        make_role(account, ROLE, "patroni")
        make_role(account, "stranger", "web")
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
        found = self.account.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    @contextmanager
    def served(self, address: str) -> Iterator[None]:
        """Let members reach it at `address` as they would reach AWS."""
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{address} {' '.join(HOSTS)}\n")
        with as_aws(self.account.server, address, self.folder):
            yield


@contextmanager
def as_aws(server: Server, address: str, folder: Path) -> Iterator[None]:
    """Serve the stand-in at `address` as `HOSTS`, by a certificate of `folder`/aws-ca.crt."""
    authority = Pair.authority("aws-ca")
    authority.write(folder, "aws-ca")
    authority.issue("aws", hosts=HOSTS).write(folder, "aws")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "aws.crt", folder / "aws.key")
    parts = urlsplit(server.endpoint)
    assert parts.hostname
    assert parts.port
    with relay(address, 443, to=(parts.hostname, parts.port), tls=context):
        yield


def make_bucket(account: Account) -> None:
    account.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )


def make_role(account: Account, name: str, service_account: str) -> str:
    """Make the role by which one service account may use the bucket; return its ARN."""
    issuer = API_AUDIENCE.removeprefix("https://")
    subject = f"system:serviceaccount:{NAMESPACE}:{service_account}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:sub": subject}},
    }
    bucket = f"arn:aws:s3:::{BUCKET}"
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    allowed: list[Mapping[str, Any]] = [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
        {"Effect": "Allow", "Action": objects, "Resource": f"{bucket}/*"},
    ]
    return _role(account, name, trust, allowed)


def make_rendered_role(account: Account, role: Mapping[str, Any]) -> str:
    """Make a role as a template has it, for the bucket and the tokens that are here."""
    issuer = API_AUDIENCE.removeprefix("https://")
    (policy,) = role["Policies"]
    trust, _ = role["AssumeRolePolicyDocument"]["Fn::Sub"]
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"
    text = trust.replace("${Issuer}", issuer).replace("${Provider}", provider)
    (trusted,) = json.loads(text)["Statement"]
    resource = f"arn:aws:s3:::{BUCKET}"
    statements = [
        {**one, "Resource": plain(one["Resource"]).replace("<reference>", resource)}
        for one in policy["PolicyDocument"]["Statement"]
        # Its key and its secret aren't here.
        if "s3:PutObject" in one["Action"]
    ]
    return _role(account, "rendered", trusted, statements)


def _role(
    account: Account, name: str, trust: Mapping[str, Any], allowed: Sequence[Mapping[str, Any]]
) -> str:
    iam = account.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document(trust)))
    policy = json.dumps(document(*allowed))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    return str(made["Role"]["Arn"])
