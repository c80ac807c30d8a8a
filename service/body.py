"""Request bodies, with limits of size and time."""

import asyncio
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from service.problems import Problem

T = TypeVar("T")

# What is left of the body is not read, so the connection can't be used again.
_CLOSE = {"connection": "close"}


async def read_json(request: Request, decoder: msgspec.json.Decoder[T], limits: "Limits") -> T:
    """Return the body as the decoder's type. Raises Problem: 400, 408, 413, 415 or 422."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "The body must be application/json.")
    raw = await _read(request, limits)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Problem(422, f"{error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body must be JSON: {error}.") from error


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a body may hold and how long it may take to arrive."""

    bytes: int
    seconds: float


async def _read(request: Request, limits: Limits) -> bytes:
    too_large = Problem(413, f"The body must have at most {limits.bytes} bytes.", _CLOSE)
    if int(request.headers.get("content-length", "0")) > limits.bytes:
        raise too_large
    chunks = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                chunks += chunk
                if len(chunks) > limits.bytes:
                    raise too_large
    except TimeoutError as error:
        detail = f"The body must arrive within {limits.seconds:g} seconds."
        raise Problem(408, detail, _CLOSE) from error
    except ClientDisconnect as error:
        raise Problem(400, "The client went away before its body was whole.", _CLOSE) from error
    return bytes(chunks)
