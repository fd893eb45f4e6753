"""An HTTP server on loopback that receives alerts and pings, or misbehaves on request."""

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

HANG = -1  # reads the request, sends no response
DRIP = -2  # sends the response headers one byte at a time
MAX_TIME = 30.0  # seconds
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Call:
    """One request. ``body`` is its parsed JSON, or None; ``content`` are its bytes. ``status`` is
    that of the response, HANG or DRIP.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    content: bytes
    status: int


class Receiver(ThreadingHTTPServer):
    """The server. ``status`` is an HTTP status, HANG or DRIP; ``calls`` has the requests. With
    a ``certificate`` it is an HTTPS server.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: Path | None = None) -> None:
        self.status = 200
        self.calls: list[Call] = []
        self.headers: dict[str, str] = {}  # of every response
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook/secret-path"
        self.alert_url = self.url.replace("http", "json")  # as ALERT_URLS names it
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def bodies(self) -> list[Any]:
        return [call.body for call in self.calls]

    @property
    def reports(self) -> list[tuple[str, str, str]]:
        """The alerts: event, status ("firing" or "resolved") and severity."""
        return [_read_report(call.body) for call in self.calls if call.method == "POST"]

    def close(self) -> None:
        """Stop the server. Later connections are refused."""
        if not self.closing.is_set():
            self.closing.set()
            self.shutdown()
            self.server_close()
            self._thread.join()


def _read_report(body: dict[str, str]) -> tuple[str, str, str]:
    event = re.search(r"^(\w+), (since|from) ", body["message"], re.MULTILINE)
    severity = re.match(r"\[(\w+)\] ", body["title"])
    assert event, body
    assert severity, body
    return event[1], "firing" if event[2] == "since" else "resolved", severity[1]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self._receive()

    def do_POST(self) -> None:
        self._receive()

    def _receive(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(content) if content else None
        headers, status = dict(self.headers), self.server.status
        self.server.calls.append(Call(self.command, self.path, headers, body, content, status))
        if status == HANG:
            self.server.closing.wait(MAX_TIME)
        elif status == DRIP:
            self._drip()
        else:
            self._respond(status)

    def _respond(self, status: int) -> None:
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        if 300 <= status < 400:
            self.send_header("Location", self.server.url + "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")  # Slack's answer

    def _drip(self) -> None:
        deadline = time.monotonic() + MAX_TIME
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while time.monotonic() < deadline and not self.server.closing.wait(0.05):
                self.wfile.write(b"x")

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()
