"""Answers that their clients have not taken yet, over all connections of the process."""

import asyncio
import logging

_logger = logging.getLogger(__name__)


class Unsent:
    """Never more than `limit` bytes: beyond it, whoever has taken longest is cut.

    Not the newest, or clients that never read would keep all others from being answered.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sizes: dict[asyncio.Transport, int] = {}
        """Who has taken longest is the first."""

    def add(self, transport: asyncio.Transport, size: int) -> None:
        """Count an answer's rest, of which the transport keeps all until none is left."""
        self._sizes[transport] = size
        while sum(self._sizes.values()) > self._limit:
            slowest = next(iter(self._sizes))
            del self._sizes[slowest]
            _logger.warning("cut the slowest client: over %d bytes were unsent", self._limit)
            slowest.abort()

    def discard(self, transport: asyncio.Transport) -> bool:
        """Count it no more; return whether it was counted."""
        return self._sizes.pop(transport, None) is not None
