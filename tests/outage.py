"""An address for the stand-in that fails when it is told to, as S3 does in its bad hours."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_SECONDS = 30


class Outage:
    """Hands on every request until `begin`, or until so many objects were written."""

    def __init__(self) -> None:
        self.url = ""
        self.written = 0
        self.seconds_a_write = 0.0
        self._last: int | None = None

    def begin(self, *, after: int = 0) -> None:
        """Answer 503 once `after` further objects have been written."""
        self._last = self.written + after

    def end(self) -> None:
        self._last = None

    def answers(self, method: str) -> bool:
        if self._last is not None and self.written >= self._last:
            return False
        self.written += method == "PUT"
        return True


@contextmanager
def outage(endpoint: str) -> Iterator[Outage]:
    """Lend an address of this machine that stands for `endpoint`."""
    lent = Outage()
    host, port = urlsplit(endpoint).hostname or "", urlsplit(endpoint).port

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not lent.answers(self.command):
                self._answer(503, [], b"<Error><Code>ServiceUnavailable</Code></Error>")
                return
            # As it came: its signature is over the host name as well.
            asked = http.client.HTTPConnection(host, port, timeout=_SECONDS)
            asked.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                asked.putheader(name, value)
            asked.endheaders(body)
            answer = asked.getresponse()
            content = answer.read()
            asked.close()
            if self.command == "PUT":
                time.sleep(lent.seconds_a_write)
            self._answer(answer.status, answer.getheaders(), content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _hand_on

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: whoever asks is told."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    lent.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield lent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
