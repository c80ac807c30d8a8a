"""Production's database and web service on real nodes, one a zone, with the images built here."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.environments import PROD
from delivery.process import ROOT, wait_for
from k8s.storage import STORAGE_CLASS
from local.kubernetes.control_plane import ControlPlane
from local.paths import cache
from local.tools import build, node_tools
from tests.image import images as image_tests
from tests.image.images import Images
from tests.image.repository import HOSTS, ROLE, as_aws, make_bucket, make_role
from tests.local_aws.conftest import serving
from tests.local_aws.support import ACCOUNT, Account
from tests.node.charts import DATABASE, WEB, Charts, secret
from tests.node.cluster import SECONDS, Cluster, Manifest, is_ready
from tests.node.machine import PAUSE_IMAGE
from tests.node.network import API_PORT, Network
from tests.relay import relay

_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "dnsmasq": "dnsmasq-base",
}
_PAUSE = 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n'


@dataclass(frozen=True)
class Standing:
    """What stands: the cluster, its charts, and the application's password."""

    cluster: Cluster
    charts: Charts
    password: str

    def serving(self, namespace: str) -> list[Manifest]:
        """The namespace's pods once three are ready, and nothing comes or goes beside them.

        Its autoscaler takes a while to bring web to them, as does a machine that was lost.
        """

        def found() -> list[Manifest] | None:
            pods = self.cluster.items(f"api/v1/namespaces/{namespace}/pods")
            lasting = [one for one in pods if one["status"]["phase"] in ("Pending", "Running")]
            going = [one for one in lasting if "deletionTimestamp" in one["metadata"]]
            settled = not going and len(lasting) == 3 and all(map(is_ready, lasting))
            return lasting if settled else None

        return wait_for(found, SECONDS)


def lacking() -> str:
    """Return what this machine lacks for a node, in a sentence, or nothing."""
    if reason := image_tests.lacking():
        return reason
    missing = [package for one, package in _PACKAGES.items() if shutil.which(one) is None]
    packages = " ".join(missing)
    return f"Nodes need Debian's packages: `apt-get install {packages}`." if missing else ""


@contextmanager
def standing(folder: Path) -> Iterator[Standing]:
    """Have production stand: the database, then its schema, then web, each rolled out."""
    zones = PROD.availability_zones
    with ExitStack() as stack:
        network = Network(_made(folder / "network"))
        stack.callback(network.close)
        network.start(len(zones))
        plane = ControlPlane(folder / "plane", build.ensure(cache(), print))
        stack.callback(plane.stop)
        # Nobody logs in by IAM here, so that no webhook is asked.
        plane.start(token_webhook_url="http://127.0.0.1:9/", service_cidr=network.services)
        endpoint = urlsplit(plane.endpoint)
        api = (str(endpoint.hostname), int(endpoint.port or 443))
        stack.enter_context(relay(network.gateway, API_PORT, to=api))
        server = stack.enter_context(serving(_made(folder / "aws"), _made(folder / "helm")))
        stack.enter_context(as_aws(server, network.gateway, folder))
        network.name(dict.fromkeys(HOSTS, network.gateway), "aws")
        account = Account(server, ACCOUNT)
        make_bucket(account)
        charts = Charts(
            folder / "cdk.out",
            role_arn=make_role(account, ROLE, DATABASE),
            authority=(folder / "aws-ca.crt").read_text(),
        )
        tools = node_tools.ensure(cache(), print)
        cluster = Cluster(plane, network, tools, _made(folder / "nodes"))
        stack.callback(cluster.close)
        cluster.apply(charts.part("StorageClass"))
        cluster.start(zones, _images(charts, tools, _made(folder / "images")), STORAGE_CLASS)
        made = Standing(cluster, charts, secrets.token_hex(20))
        _apply(made)
        yield made


def _apply(made: Standing) -> None:
    cluster, charts = made.cluster, made.charts
    cluster.apply(charts.part("PriorityClass"))
    cluster.apply(charts.part("Namespace", WEB))
    cluster.apply(charts.part("Namespace", DATABASE))
    passwords = {"app": made.password}
    members = {**passwords, **{name: secrets.token_hex(20) for name in ("dump", "members")}}
    cluster.apply([secret(DATABASE, "database", members), secret(WEB, "database", passwords)])
    cluster.rolled_out("statefulset", "database", DATABASE)
    migrations = charts.part("Job")
    cluster.apply(migrations)
    cluster.rolled_out("job", name_of(migrations, "Job"), WEB)
    cluster.apply(charts.part("Deployment", WEB))
    cluster.rolled_out("deployment", WEB, WEB)


def name_of(objects: Sequence[Manifest], kind: str) -> str:
    """The name of the only object of a kind."""
    (found,) = (one for one in objects if one["kind"] == kind)
    return str(found["metadata"]["name"])


def _images(charts: Charts, tools: Path, folder: Path) -> Sequence[Path]:
    """Archives of the images that charts name, built, and of what holds a pod."""
    images = Images(cache() / "image-test")
    shutil.copy(tools / "pause", folder)
    (folder / "Dockerfile").write_text(_PAUSE)
    wanted = {
        "mindforce-web": (ROOT, charts.image("Deployment", WEB)),
        "mindforce-database": (ROOT / "images/database", charts.image("StatefulSet", DATABASE)),
        "pause": (folder, PAUSE_IMAGE),
    }
    return [
        images.archive(images.make(context, name), reference, folder / f"{name}.tar")
        for name, (context, reference) in wanted.items()
    ]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
