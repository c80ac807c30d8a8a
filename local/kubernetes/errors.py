"""What goes wrong with a cluster, as one family of exceptions."""

from __future__ import annotations


class ControlPlaneError(Exception):
    """One sentence on what of the cluster failed; names the log or carries kubectl's words."""


class ApiError(ControlPlaneError):
    """The API server refused a request; carries its status and its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(ControlPlaneError, ConnectionError):
    """The API server didn't answer."""
