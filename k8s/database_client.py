"""How pods of the application reach the database."""

from dataclasses import dataclass

from cdk8s import Chart
from cdk8s_plus_27 import k8s as kube
from constructs import Construct

from k8s.database_member import NAME as DATABASE
from k8s.database_network import allow_clients
from k8s.database_roles import APP
from k8s.database_settings import PORT, VERIFIED
from k8s.secret_store import FOLDER, secret_provider

PROVIDER = "database"
"""The SecretProviderClass of the application's password, in the application's namespace."""


def database_url(namespace: str, role: str) -> str:
    """Return the application's database as a role has it; no password is in it."""
    words = "&".join(f"{key}={value}" for key, value in VERIFIED.items())
    return f"postgresql://{role}@{DATABASE}.{namespace}.svc:{PORT}/{APP}?{words}"


@dataclass(frozen=True, kw_only=True)
class DatabaseClient:
    """What pods are given to use the database; none of it is a secret."""

    namespace: str
    """Of the database."""
    role_arn: str
    """The role of the pods' service account, which may read the password."""

    @property
    def url(self) -> str:
        return database_url(self.namespace, APP)

    def environment(self, pool_size: int) -> list[kube.EnvVar]:
        """Return what service/settings.py reads."""
        settings = {
            "DATABASE_URL": self.url,
            "DATABASE_PASSWORD_FILE": f"{FOLDER}/{APP}",
            "DATABASE_POOL_SIZE": str(pool_size),
        }
        return [kube.EnvVar(name=name, value=value) for name, value in settings.items()]


class DatabaseClientChart(Chart):
    """The application's secret, and the way to the database, in the application's namespace."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        namespace: str,
        database_namespace: str,
        region: str,
        secret_arn: str,
    ) -> None:
        super().__init__(scope, id)
        secret_provider(
            self,
            "Secret",
            namespace=namespace,
            name=PROVIDER,
            region=region,
            secrets={APP: secret_arn},
        )
        allow_clients(
            self, namespace=namespace, database_namespace=database_namespace, database=[DATABASE]
        )
