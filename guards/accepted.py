"""What may lose the data that it holds, on purpose."""

from collections.abc import Mapping

ACCEPTED: Mapping[str, str] = {}
"""Why it may, by "stack/logical id"; an entry can go once every environment has been updated."""
