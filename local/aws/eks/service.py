"""What the parts of EKS share: MiniStack's stores, EKS's own errors, work in the background."""

import contextvars
import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from local.aws import internals, responses

Record = dict[str, Any]

KUBERNETES_VERSION = "1.35"
"""The version of the control plane that is built on this machine."""

_STATUS = {"ResourceNotFoundException": 404, "ResourceInUseException": 409}


class EksError(ValueError):
    """EKS refuses a call; `code` is the error code a client sees."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message

    @property
    def response(self) -> responses.Response:
        return responses.refusal(_STATUS.get(self.code, 400), self.code, self.message)


@dataclass(frozen=True)
class Key:
    """One cluster among all accounts and regions."""

    account: str
    region: str
    name: str

    @classmethod
    def of(cls, name: str) -> "Key":
        """The cluster of that name in the account and region of the current request."""
        return cls(internals.account(), internals.region(), name)


def eks() -> Any:
    return internals.module("services.eks")


def cluster(name: str) -> Record:
    record: Record | None = eks()._clusters.get(name)
    if record is None:
        raise EksError("ResourceNotFoundException", f"No cluster found for name: {name}.")
    return record


def active_cluster(name: str) -> Record:
    """A cluster that can take node groups and add-ons."""
    record = cluster(name)
    if record["status"] != "ACTIVE":
        raise EksError(
            "InvalidRequestException",
            f"Cluster '{name}' is not in ACTIVE status but in {record['status']}",
        )
    return record


def invalid(message: str) -> EksError:
    return EksError("InvalidParameterException", message)


def refuse_unknown(call: str, body: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse request members that nothing here would read."""
    unknown = sorted(set(body) - set(known) - {"clientRequestToken"})
    if unknown:
        raise invalid(f"{call} {', '.join(unknown)} is not emulated.")


def require_subnets(identifiers: Iterable[str]) -> list[Record]:
    """The subnets' records, which must exist and share one VPC."""
    subnets = []
    for identifier in identifiers:
        subnet = internals.module("services.ec2")._subnets.get(identifier)
        if subnet is None:
            raise invalid(f"The subnet ID '{identifier}' does not exist")
        subnets.append(subnet)
    if len({subnet["VpcId"] for subnet in subnets}) > 1:
        raise invalid("Subnets specified must be in the same VPC")
    return subnets


def set_tags(arn: str, record: Record, tags: Mapping[str, str]) -> None:
    """Show these tags on the resource and in ListTagsForResource."""
    record["tags"] = dict(tags)
    eks()._tags[arn] = dict(tags)


def change_tags(arn: str, record: Record, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """Put a template's new tags in place of its old ones; tags set otherwise stay."""
    others = {key: value for key, value in record["tags"].items() if key not in old}
    set_tags(arn, record, {**others, **new})


def new_update(cluster_name: str, kind: str, parameters: Mapping[str, Any]) -> Record:
    """An update that has succeeded, as ListUpdates and DescribeUpdate show it."""
    update: Record = {
        "id": internals.module("core.responses").new_uuid(),
        "status": "Successful",
        "type": kind,
        "createdAt": int(time.time()),
        "errors": [],
        "params": [
            {
                "type": name[:1].upper() + name[1:],
                "value": value if isinstance(value, str) else json.dumps(value),
            }
            for name, value in parameters.items()
        ],
    }
    cluster(cluster_name).setdefault("_updates", {})[update["id"]] = update
    return update


class Background:
    """Work that a call starts and a stack waits for; one piece at a time for each resource."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="eks")
        self._futures: dict[tuple[str, ...], Future[None]] = {}

    def start(self, name: tuple[str, ...], work: Callable[[], None]) -> None:
        """Run `work` in the current request's account and region."""
        self._futures[name] = self._threads.submit(contextvars.copy_context().run, work)

    def wait(self, name: tuple[str, ...]) -> None:
        """Return when the work is done; raises what it raised."""
        future = self._futures.get(name)
        if future is not None:
            future.result()


background = Background()
