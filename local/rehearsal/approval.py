"""The approval action: a person says yes or no."""

from collections.abc import Mapping

from local.rehearsal.context import Context
from local.rehearsal.errors import ActionFailedError, WaitingError


def ask(context: Context) -> Mapping[str, str]:
    """Raises WaitingError when nobody is there, ActionFailedError when they say no."""
    wanted, name = context.configuration, context.action["name"]
    link = wanted.get("ExternalEntityLink", "")
    answer = context.approve(name, wanted.get("CustomData", ""), link)
    if answer is None:
        raise WaitingError(
            f"{name} waits for an approval: 'make rehearse APPROVE=1' gives it, and goes on."
        )
    if not answer:
        raise ActionFailedError(f"{name} was rejected.")
    return {}
