"""What Patroni, PostgreSQL and pgBackRest are told; images/database/README.md is its interface."""

import json
from collections.abc import Mapping

from k8s import database_cluster as cluster
from k8s.database_relabel import FILE, SCRIPT
from k8s.database_roles import APP, BACKUP, BOOTSTRAP, DUMP, PASSWORDS, PGBACKREST, STANZA
from k8s.secret_store import FOLDER

SCOPE = "database"
"""Patroni's name of the cluster; the ConfigMaps of its election begin with it."""
SCOPE_LABEL = "app.kubernetes.io/instance"
PORT = 5432
API_PORT = 8008
SETTINGS = "/etc/patroni"

VERIFIED: Mapping[str, str] = {"sslmode": "require", "channel_binding": "require"}
"""libpq's words for TLS with a server that has proved that it knows the role's password."""

_TLS = "/run/postgresql/tls"
_SETTLE = f"/bin/sh {SETTINGS}/{cluster.SCRIPT_FILE}"

# The certificate is nobody's word: whoever connects has the server prove, over the very connection
# that this certificate is of, that it knows the password (docs/decisions/0017). The password stays
# out of manifests: Patroni takes it from its environment, and hands none of that on to PostgreSQL.
_START = f"""#!/bin/sh
set -eu
umask 077
mkdir -p {_TLS}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650 \\
    -subj "/CN=$PATRONI_NAME" -keyout {_TLS}/tls.key -out {_TLS}/tls.crt 2> /dev/null
PATRONI_REPLICATION_PASSWORD="$(cat {FOLDER}/members)"
PATRONI_REWIND_PASSWORD="$PATRONI_REPLICATION_PASSWORD"
export PATRONI_REPLICATION_PASSWORD PATRONI_REWIND_PASSWORD
# Before this member's start, so that it begins with what only a start takes up. An API server that
# is away for a while isn't waited for: Patroni knows better what to do then.
{_SETTLE} || {{ until sleep 10 && {_SETTLE}; do :; done & }}
exec patroni {SETTINGS}
"""


def files(
    *,
    namespace: str,
    labels: Mapping[str, str],
    memory_mib: int,
    max_connections: int,
    region: str,
    keep_full_backups: int,
) -> Mapping[str, str]:
    """Return the files of `SETTINGS`; the repository's bucket is in the pods' environment."""
    wanted = cluster.shared(max_connections=max_connections)
    patroni = {
        "scope": SCOPE,
        "kubernetes": {
            "namespace": namespace,
            "labels": dict(labels),
            "scope_label": SCOPE_LABEL,
            # Endpoints, the default, are deprecated since Kubernetes 1.33.
            "use_endpoints": False,
        },
        "restapi": {
            "listen": f"0.0.0.0:{API_PORT}",
            # Who may change something by it: the members, for each other.
            "allowlist": ["127.0.0.1"],
            "allowlist_include_members": True,
        },
        "bootstrap": {
            "dcs": wanted,
            "initdb": [
                {"encoding": "UTF8"},
                # Its order doesn't change with the C library, under which indexes would break.
                {"locale-provider": "builtin"},
                {"locale": "C.UTF-8"},
                {"auth-local": "peer"},
                {"auth-host": "scram-sha-256"},
                "data-checksums",
            ],
            "post_bootstrap": f"/bin/sh {SETTINGS}/bootstrap.sh",
        },
        "postgresql": {
            "callbacks": {
                "on_role_change": f"python3 {SETTINGS}/{FILE} {SCOPE_LABEL}={SCOPE},role=primary"
            },
            "listen": f"0.0.0.0:{PORT}",
            "use_unix_socket": True,
            "authentication": {
                # By the socket, as the system's user of that name: no password exists.
                "superuser": {"username": "postgres"},
                "replication": {"username": "replication", **VERIFIED},
                "rewind": {"username": "rewind", **VERIFIED},
            },
            "basebackup": [{"checkpoint": "fast"}],
            "pg_hba": [
                "local all postgres peer",
                "hostssl replication replication all scram-sha-256",
                "hostssl postgres rewind all scram-sha-256",
                f"hostssl {APP} {APP} all scram-sha-256",
                f"hostssl postgres {BACKUP} all scram-sha-256",
                f"hostssl {APP} {DUMP} all scram-sha-256",
            ],
            "parameters": {
                "unix_socket_directories": "/run/postgresql",
                "shared_buffers": f"{memory_mib // 4}MB",
                "ssl": "on",
                "ssl_cert_file": f"{_TLS}/tls.crt",
                "ssl_key_file": f"{_TLS}/tls.key",
                "archive_mode": "on",
                "archive_command": f"{PGBACKREST} archive-push %p",
                # What is lost with every volume at once: minutes.
                "archive_timeout": "5min",
            },
            "recovery_conf": {"restore_command": f'{PGBACKREST} archive-get %f "%p"'},
        },
    }
    repository = {
        "repo1-type": "s3",
        "repo1-path": f"/{SCOPE}",
        "repo1-s3-endpoint": f"s3.{region}.amazonaws.com",
        "repo1-s3-region": region,
        "repo1-s3-key-type": "web-id",
        "repo1-retention-full": str(keep_full_backups),
        "start-fast": "y",
    }
    lines = ["[global]", *(f"{key}={value}" for key, value in repository.items()), f"[{STANZA}]"]
    return {
        "patroni.yml": json.dumps(patroni, indent=2) + "\n",
        "pgbackrest.conf": "\n".join(lines) + "\n",
        cluster.FILE: json.dumps(wanted, indent=2) + "\n",
        cluster.SCRIPT_FILE: cluster.script(SETTINGS),
        "start.sh": _START,
        "bootstrap.sh": BOOTSTRAP,
        "passwords.sh": PASSWORDS,
        FILE: SCRIPT,
    }
