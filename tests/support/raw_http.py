"""Malformed and partial requests to a running site."""

import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.support.site import Site


def connect(site: Site, seconds: float = 10) -> socket.socket:
    """Return a connection with a timeout of ``seconds`` for each operation."""
    parts = urlsplit(site.url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=seconds)


def send_raw(site: Site, request: bytes, seconds: float = 10) -> bytes:
    """Send ``request`` and return the response, up to the end of the connection."""
    response = b""
    with connect(site, seconds) as client:
        with suppress(ConnectionError):
            client.sendall(request)
        with suppress(ConnectionError):
            while data := client.recv(65536):
                response += data
    return response


def statuses(response: bytes) -> list[int]:
    """Return the status of each response in ``response``, including interim responses."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]+\r\n", response)]


class UnreadableBody:
    """A WSGI input that fails the test when it is read."""

    def read(self, *_size: int) -> bytes:
        pytest.fail("the body was read")
