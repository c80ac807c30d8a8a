"""Kinds of arguments of commands; each refuses what is wrong in a sentence."""

import argparse
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from service import values

T = TypeVar("T")


def number(least: float, most: float) -> Callable[[str], float]:
    return _argument(values.number(least, most))


def whole(least: int, most: int) -> Callable[[str], int]:
    return _argument(values.whole(least, most))


def _argument(parse: Callable[[str], T]) -> Callable[[str], T]:
    def check(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} must be {error}") from None

    return check


def address(text: str) -> str:
    try:
        parts = urlsplit(text)
        # Reading the port checks it.
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; it must be such as 'https://web.example.com'"
        )
    return text.rstrip("/")


def namespaced(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} must be NAMESPACE/NAME")
    return namespace, name
