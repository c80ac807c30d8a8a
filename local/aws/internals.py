"""The only place that reaches into MiniStack: what we fill or replace there must be as expected.

MiniStack has no plug-in interface, so we put functions in place of its own. Every replacement names
its target; a target that is missing stops the server with one sentence instead of being skipped.
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

VERSION = "1.5.33"


class MiniStackChangedError(RuntimeError):
    """MiniStack is not the version whose internals this code knows."""


def check_version() -> None:
    installed = importlib.metadata.version("ministack")
    if installed != VERSION:
        raise MiniStackChangedError(
            f"MiniStack {installed} is installed, but local/aws/ knows the internals of {VERSION}: "
            f"pin ministack=={VERSION} in local/requirements.in."
        )


def module(name: str) -> Any:
    """MiniStack's module, e.g. `services.eks`; typed Any because MiniStack carries no types."""
    try:
        return importlib.import_module(f"ministack.{name}")
    except ModuleNotFoundError as error:
        raise MiniStackChangedError(f"MiniStack {VERSION} should have a module {name}.") from error


def member(owner: Any, name: str) -> Any:
    """`owner.name`, which must exist."""
    try:
        return getattr(owner, name)
    except AttributeError as error:
        raise MiniStackChangedError(
            f"MiniStack {VERSION} should have {owner.__name__}.{name}, which local/aws/ replaces."
        ) from error


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` in place of `owner.name`."""
    setattr(owner, name, make(member(owner, name)))


def replace_in(owners: tuple[Any, ...], name: str, make: Callable[[Any], Any]) -> None:
    """Put one `make(original)` in place of a function that several modules import by name."""
    replacement = make(member(owners[0], name))
    for owner in owners:
        replace(owner, name, lambda _original: replacement)


def account() -> str:
    """The account of the current request or stack operation."""
    return str(module("core.responses").get_account_id())


def region() -> str:
    return str(module("core.responses").get_region())


@contextmanager
def acting_in(identifier: str) -> Iterator[None]:
    """Do what is in the block in another account, as a service of AWS's own does."""
    current = member(module("core.responses"), "_request_account_id")
    before = current.set(identifier)
    try:
        yield
    finally:
        current.reset(before)
