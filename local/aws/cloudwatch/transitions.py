"""An alarm says since when it has been in its state; MiniStack says it of composite alarms only."""

import time
from typing import Any

from local.aws import internals

FIELD = "StateTransitionedTimestamp"


def install() -> None:
    # What every change of a state comes through.
    internals.replace(internals.module("services.cloudwatch"), "_dispatch_alarm_actions", _dated)


def _dated(stock: Any) -> Any:
    def dispatch(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
        alarm[FIELD] = int(time.time())
        stock(alarm, old, new, reason)

    return dispatch
