"""What an update may do on purpose though a guard refuses it."""

from collections.abc import Mapping

ACCEPTED: Mapping[str, str] = {}
"""Why it may, by "stack/logical id", or "stack/Kind/namespace/name" of a Kubernetes object; an
entry can go once every environment has been updated."""
