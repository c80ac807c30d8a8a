"""The least that Velero's chart is given."""

from typing import Any

from mindforce.velero import RESTRICTED, VERSION

VALUES: dict[str, Any] = {
    "image": {"repository": "docker.io/velero/velero", "tag": f"v{VERSION}"},
    "initContainers": [{"name": "plugin", "image": "plugin:1"}],
    "podSecurityContext": {},
    "containerSecurityContext": RESTRICTED,
    "resources": {},
    "priorityClassName": "system-cluster-critical",
    "serviceAccount": {"server": {"name": "velero"}},
    "configuration": {"uploaderType": "kopia", "features": "EnableCSI"},
    "credentials": {"useSecret": False},
    "backupsEnabled": False,
    "snapshotsEnabled": False,
    "deployNodeAgent": True,
    "nodeAgent": {
        "disableHostPath": True,
        "priorityClassName": "system-node-critical",
        "resources": {},
        "tolerations": [],
        "extraArgs": [],
        "containerSecurityContext": {},
    },
}
