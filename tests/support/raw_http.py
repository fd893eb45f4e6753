"""Bytes to a running site as no well-behaved client would send them."""

import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.support.site import Site


def connect(site: Site, seconds: float = 10) -> socket.socket:
    """A connection that waits at most ``seconds`` for anything."""
    parts = urlsplit(site.url)
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=seconds)


def send_raw(site: Site, words: bytes, seconds: float = 10) -> bytes:
    """All that is answered to ``words`` until the site closes."""
    answer = b""
    with connect(site, seconds) as client:
        with suppress(ConnectionError):
            client.sendall(words)
        with suppress(ConnectionError):
            while some := client.recv(65536):
                answer += some
    return answer


def statuses(answer: bytes) -> list[int]:
    """The status of each answer in ``answer``, interim ones included."""
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]+\r\n", answer)]


class UnreadableBody:
    """A WSGI input that fails the test when anything reads it."""

    def read(self, *_size: int) -> bytes:
        pytest.fail("the body was read")
