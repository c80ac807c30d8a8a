"""S3 Control's clients put the account before the host; a name that only a proxy can answer.

A client that gets this server as its HTTP proxy sends the whole address, which is cut to its path.
"""

from typing import Any

_SCHEME = b"http://"


def served(app: Any) -> Any:
    """The app, which takes requests as they come to a proxy as well."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        raw = scope.get("raw_path", b"")
        if raw.startswith(_SCHEME):
            host, _, path = raw.removeprefix(_SCHEME).partition(b"/")
            scope = {
                **scope,
                "raw_path": b"/" + path,
                "path": scope["path"].partition(host.decode())[2] or "/",
            }
        await app(scope, receive, send)

    return serve
