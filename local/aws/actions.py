"""What principals were let do, once each: what an account's policies and guard rails must allow.

A JSON line for a call is {"principal", "action", "resource", "region"}; one for what CloudFormation
did, whose own calls don't exist here, is {"account", "type", "operation", "region"}.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.aws import internals

_OPERATIONS = {
    "_provision_resource": "create",
    "_update_resource": "update",
    "_delete_resource": "delete",
}


def install(file: Path) -> None:
    """Write to `file` from now on; after everything else that decides about a call."""
    log = _Log(file)
    internals.replace(internals.module("core.iam_evaluator"), "enforce", log.calls)
    stacks = internals.module("services.cloudformation.stacks")
    for name, operation in _OPERATIONS.items():
        internals.replace(stacks, name, log.operations(operation))


class _Log:
    """A file that each entry is in once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: set[str] = set()
        self._writing = threading.Lock()

    def calls(self, stock: Any) -> Any:
        evaluator = internals.module("core.iam_evaluator")

        def enforce(
            access_key_id: str,
            iam_action: str,
            service: str,
            region: str,
            resource_arn: str = "*",
            service_context: Mapping[str, Any] | None = None,
        ) -> Any:
            denied = stock(
                access_key_id, iam_action, service, region, resource_arn, service_context
            )
            identity = evaluator.resolve_caller_identity(access_key_id) if not denied else None
            if identity:
                entry = {"action": iam_action, "resource": resource_arn, "region": region}
                self._write({"principal": _role(identity["userArn"]), **entry})
            return denied

        return enforce

    def operations(self, operation: str) -> Any:
        def make(stock: Any) -> Any:
            def call(kind: str, *arguments: Any, **options: Any) -> Any:
                place = {"account": internals.account(), "region": internals.region()}
                self._write({"type": kind, "operation": operation, **place})
                return stock(kind, *arguments, **options)

            return call

        return make

    def _write(self, entry: Mapping[str, str]) -> None:
        line = json.dumps(entry, sort_keys=True)
        with self._writing:
            if line not in self._known:
                self._known.add(line)
                with self._file.open("a") as file:
                    print(line, file=file)


def _role(arn: str) -> str:
    """A session's role, whatever the session is called."""
    if ":assumed-role/" not in arn:
        return arn
    account, name = arn.split(":")[4], arn.split("/")[-2]
    role = internals.module("services.iam")._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else arn
