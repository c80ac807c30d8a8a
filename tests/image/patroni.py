"""Members of a PostgreSQL cluster, each the database image under Patroni, on this machine."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import yaml

from k8s.database_cluster import shared
from local.kubernetes.certificates import Pair
from tests.image.container import Container, Mount, running
from tests.image.images import Image
from tests.image.kubernetes import NAMESPACE, Kubernetes
from tests.image.repository import STANZA, Repository

_POSTGRES = 999
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TLS = "/etc/tls"


class Database:
    """A Patroni cluster's configuration and secrets, as manifests would bring them.

    Members have loopback addresses of their own, so that their ports are those of production.
    """

    def __init__(
        self,
        image: Image,
        kubernetes: Kubernetes,
        repository: Repository,
        folder: Path,
        addresses: Sequence[str],
    ) -> None:
        self._image = image
        self._kubernetes = kubernetes
        self.repository = repository
        self.folder = folder
        self.password = secrets.token_hex(8)
        self.addresses = addresses
        tls = self.volume(folder / "tls")
        authority = Pair.authority("database-ca")
        authority.write(folder, "database-ca")
        authority.issue("database", hosts=self.addresses).write(tls, "tls")
        (folder / "database-ca.crt").rename(tls / "ca.crt")
        # PostgreSQL takes a key that belongs to root and that its group may read: a mounted Secret.
        (tls / "tls.key").chmod(0o640)
        os.chown(tls / "tls.key", 0, _POSTGRES)
        self.authority = tls / "ca.crt"

    def url(self, number: int, user: str, password: str, **options: str) -> str:
        """A connection string to one member, over verified TLS."""
        given = {"sslmode": "verify-full", "sslrootcert": str(self.authority), **options}
        words = "&".join(f"{key}={value}" for key, value in given.items())
        return f"postgresql://{user}:{password}@{self.addresses[number]}:5432/postgres?{words}"

    def connect(self, number: int, **options: str) -> psycopg.Connection[tuple[Any, ...]]:
        """Connect as the application."""
        url = self.url(number, "app", self.password, connect_timeout="2", **options)
        return psycopg.connect(url, autocommit=True)

    @contextmanager
    def member(
        self, number: int, scope: str = "main", bootstrap: Mapping[str, Any] | None = None
    ) -> Iterator[Container]:
        """Run a member on its volume, which stays when it ends."""
        name = f"{scope}-{number}"
        self._kubernetes.pod(name, scope, self._image)
        volume = self.volume(self.folder / name)
        settings = self.folder / f"{name}-configuration"
        settings.mkdir(exist_ok=True)
        configuration = self._configuration(self.addresses[number], scope, bootstrap or {})
        (settings / "patroni.yml").write_text(yaml.safe_dump(configuration))
        mounts = [
            Mount("/etc/patroni", settings, read_only=True),
            Mount(_TLS, self.folder / "tls", read_only=True),
            Mount(_ACCOUNT, self._kubernetes.folder, read_only=True),
            Mount("/var/lib/postgresql", volume),
            Mount("/run/postgresql"),
            Mount("/tmp"),
            *self.repository.mounts,
        ]
        env = {
            **self._kubernetes.environment,
            **self.repository.environment(),
            "PATRONI_NAME": name,
            "PATRONI_REPLICATION_PASSWORD": f"replication-{self.password}",
            "PATRONI_REWIND_PASSWORD": f"rewind-{self.password}",
        }
        with running(
            self._image, env=env, mounts=mounts, output=self.log(number, scope)
        ) as container:
            yield container

    def log(self, number: int, scope: str = "main") -> Path:
        return self.folder / f"{scope}-{number}.log"

    def made(self, number: int) -> int:
        """What tells a member's data from any that is made later in its volume."""
        return (self.folder / f"main-{number}" / "data" / "PG_VERSION").stat().st_ino

    @staticmethod
    def volume(folder: Path) -> Path:
        """A folder as a volume is with fsGroup: of root and the pod's group."""
        folder.mkdir(exist_ok=True)
        os.chown(folder, 0, _POSTGRES)
        folder.chmod(0o2775)
        return folder

    def _configuration(
        self, address: str, scope: str, bootstrap: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        tls = {"sslmode": "verify-ca", "sslrootcert": f"{_TLS}/ca.crt"}
        backup = f"pgbackrest --stanza={STANZA}"
        return {
            "scope": scope,
            "kubernetes": {
                "namespace": NAMESPACE,
                "labels": {"application": "patroni"},
                "scope_label": "cluster-name",
                "use_endpoints": False,
            },
            "restapi": {
                "listen": f"{address}:8008",
                "connect_address": f"{address}:8008",
                "certfile": f"{_TLS}/tls.crt",
                "keyfile": f"{_TLS}/tls.key",
                "cafile": f"{_TLS}/ca.crt",
            },
            "bootstrap": {
                "dcs": shared(max_connections=50),
                "initdb": [
                    {"encoding": "UTF8"},
                    {"locale-provider": "builtin"},
                    {"locale": "C.UTF-8"},
                    {"auth-local": "peer"},
                    {"auth-host": "scram-sha-256"},
                    "data-checksums",
                ],
                **bootstrap,
            },
            "postgresql": {
                "listen": f"{address}:5432",
                "connect_address": f"{address}:5432",
                "use_unix_socket": True,
                "authentication": {
                    # By the socket, as the system's user of that name: no password exists.
                    "superuser": {"username": "postgres"},
                    "replication": {"username": "replication", **tls},
                    "rewind": {"username": "rewind", **tls},
                },
                "basebackup": [{"checkpoint": "fast"}],
                "pg_hba": [
                    "local all postgres peer",
                    "hostssl replication replication 127.0.0.0/8 scram-sha-256",
                    "hostssl all all 127.0.0.0/8 scram-sha-256",
                ],
                "parameters": {
                    "unix_socket_directories": "/run/postgresql",
                    "ssl": "on",
                    "ssl_cert_file": f"{_TLS}/tls.crt",
                    "ssl_key_file": f"{_TLS}/tls.key",
                    "ssl_ca_file": f"{_TLS}/ca.crt",
                    "shared_buffers": "32MB",
                    "archive_mode": "on",
                    "archive_command": f"{backup} archive-push %p",
                },
                "recovery_conf": {"restore_command": f'{backup} archive-get %f "%p"'},
            },
        }
