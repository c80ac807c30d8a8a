"""What charts are given, checked when they are made and in the words of the config."""

from collections.abc import Iterable
from itertools import chain

from config.errors import ConfigError, Problem


def require(chart: str, *problems: Iterable[Problem]) -> None:
    """Raise ConfigError, a ValueError, with each of the problems in a sentence."""
    if found := list(chain(*problems)):
        raise ConfigError(chart, found)
