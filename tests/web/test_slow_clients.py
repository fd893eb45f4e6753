"""Clients that are slow, on purpose or not, hold up nobody: the site as it runs."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import cycle

import httpx
import pytest

from tests.contact.conftest import GOOD
from tests.support.raw import connect, statuses, talk
from tests.support.site import Site

HOST = b"Host: 127.0.0.1\r\n"
FORM = HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"
SLOW = (
    b"",
    b"GET / HTTP/1.1\r\n" + HOST,
    b"POST /contact HTTP/1.1\r\n" + FORM + b"Content-Length: 5000\r\n\r\nname=Ada",
    b"POST /contact HTTP/1.1\r\n" + FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\nna",
    b"POST /api/v1/inquiries HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    b'Content-Length: 5000\r\n\r\n{"name": "',
)
PROMPT = 3.0  # seconds, on a machine that is busy with other tests
LARGE = "/static/vendor/leaflet/leaflet.js"


@contextmanager
def two_hundred_slow_ones(site: Site) -> Iterator[None]:
    """Each sends the beginning of a request, and then a byte each half second."""
    done = threading.Event()
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(site)) for _ in range(200)]
        for client, beginning in zip(clients, cycle(SLOW), strict=False):
            client.sendall(beginning)

        def drip() -> None:
            while not done.wait(0.5):
                for client, beginning in zip(clients, cycle(SLOW), strict=False):
                    with suppress(OSError):
                        client.sendall(b"a" if beginning else b"")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@contextmanager
def forty_who_do_not_read(site: Site) -> Iterator[None]:
    """They ask for the largest file, uncompressed, and take nothing of it."""
    with ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.settimeout(10)
            client.connect(connect_address(site))
            client.sendall(b"GET " + LARGE.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        yield


@contextmanager
def forty_who_do_not_close(site: Site) -> Iterator[None]:
    """Each got an answer with which the connection ends, and stays."""
    with ExitStack() as stack:
        for _ in range(40):
            client = stack.enter_context(connect(site))
            client.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        yield


def connect_address(site: Site) -> tuple[str, int]:
    url = httpx.URL(site.url)
    return url.host, url.port or 80


@pytest.mark.parametrize(
    "trouble", [two_hundred_slow_ones, forty_who_do_not_read, forty_who_do_not_close]
)
def test_meanwhile_everybody_else_is_answered_promptly(
    server: Site, trouble: Callable[[Site], AbstractContextManager[None]]
) -> None:
    """Pages, and an inquiry, each on a connection of its own."""
    slowest = 0.0
    with trouble(server):
        time.sleep(0.3)
        for number in range(15):
            began = time.monotonic()
            with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
                assert client.get("/privacy").status_code == 200
                if number % 5 == 0:
                    words = {**GOOD, "message": f"{trouble.__name__} {number}"}
                    assert client.post("/contact", data=words).status_code == 303
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < PROMPT


def chunks(*sizes: int) -> bytes:
    body = b"".join(b"%x\r\n" % size + b"m" * size + b"\r\n" for size in sizes)
    return b"Transfer-Encoding: chunked\r\n\r\n" + body


@pytest.mark.parametrize(
    "words",
    [
        b"POST /contact HTTP/1.1\r\n" + FORM + chunks(*[60_000] * 6),
        b"POST /contact HTTP/1.1\r\n" + FORM + chunks(*[1000] * 400),
        b"POST /contact HTTP/1.1\r\n" + FORM + b"Content-Length: 99999999\r\n\r\nname=",
        b"POST /api/v1/inquiries HTTP/1.1\r\n"
        + FORM.replace(b"x-www-form-urlencoded", b"json")
        + b"Content-Length: 99999999\r\n\r\n{",
    ],
    ids=["large chunks", "many chunks", "a large form", "a large object"],
)
def test_a_body_above_the_limit_is_told_so_before_it_is_all_sent(
    server: Site, words: bytes
) -> None:
    assert statuses(talk(server, words)) == [413]


def test_a_body_in_chunks_is_taken(server: Site) -> None:
    body = "&".join(f"{name}={value}" for name, value in GOOD.items()).replace("\r\n", "%0D%0A")
    head = b"POST /contact HTTP/1.1\r\n" + FORM + b"Transfer-Encoding: chunked\r\n\r\n"
    for letter in body.encode():
        head += b"1\r\n%c\r\n" % letter
    with connect(server) as client:
        client.sendall(head + b"0\r\n\r\n")
        assert statuses(client.recv(65536)) == [303]
