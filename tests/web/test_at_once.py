"""Kept pages are answered without a thread, and as a thread would: the site as it runs."""

import re
import time
from contextlib import ExitStack
from functools import partial

import httpx
import pytest

from tests.support.raw import connect, statuses, talk
from tests.support.site import Site

HOST = b"Host: 127.0.0.1\r\n"
CLOSE = b"Connection: close\r\n"
LAST = HOST + CLOSE + b"\r\n"
# A kept page, and the same page spelled so that a thread gets the request.
KEPT, THREAD = b"/first-visit", b"/first%2Dvisit"
LARGE = b"/static/vendor/leaflet/leaflet.js"
QUESTIONS = {
    "plain": HOST + CLOSE,
    "brotli": HOST + CLOSE + b"Accept-Encoding: br\r\n",
    "and another": HOST
    + b"Connection: keep-alive\r\n\r\nGET / HTTP/1.1\r\n"
    + HOST
    + CLOSE
    + b"\r\n",
    "has it": HOST + CLOSE + b"If-None-Match: ETAG\r\n",
    "has another": HOST + CLOSE + b'If-None-Match: "other", ETAG\r\n',
    "wants another": HOST + CLOSE + b'If-Match: "other"\r\n',
    "another host": b"Host: example.com\r\n" + CLOSE,
    "no host": CLOSE,
    "with a body": HOST + CLOSE + b"Content-Length: 3\r\n\r\nabc",
    "may send a body": HOST + CLOSE + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths": HOST + CLOSE + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
}


@pytest.fixture(scope="module")
def etag(server: Site) -> bytes:
    """Of the kept page, which is kept in all processes from now on, in its smallest form."""
    for _ in range(100):
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            answer = client.get(KEPT.decode(), headers={"Accept-Encoding": "br"})
    return answer.headers["ETag"].encode()


def ask(server: Site, target: bytes, question: bytes, version: bytes = b"1.1") -> bytes:
    """The answer, without what tells one answer from the next."""
    words = b"GET " + target + b" HTTP/" + version + b"\r\n" + question
    answer = talk(server, words if b"\r\n\r\n" in question else words + b"\r\n")
    return re.sub(rb"(Date|X-Request-Id): [^\r]*\r\n", b"\\1\r\n", answer)


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_loop_answers_as_a_thread_does(
    server: Site, etag: bytes, question: str, version: bytes
) -> None:
    words = QUESTIONS[question].replace(b"ETAG", etag)
    answer = ask(server, KEPT, words, version)
    assert answer.startswith(b"HTTP/")
    assert answer == ask(server, THREAD, words, version)


def test_hundreds_of_requests_in_one_go_are_answered_in_order(server: Site, etag: bytes) -> None:
    """More than a thread's stack would hold, kept ones and others in turns."""
    targets = [KEPT, b"/healthz", b"/no-such-page", KEPT, KEPT] * 100
    words = b"".join(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n" for target in targets)
    answer = talk(server, words + b"GET /healthz HTTP/1.1\r\n" + LAST, 30)
    assert statuses(answer) == [200, 200, 404, 200, 200] * 100 + [200]
    assert answer.count(b"ETag: " + etag) == 300


def test_who_asks_for_much_and_takes_nothing_holds_up_nobody_and_loses_nothing(
    server: Site,
) -> None:
    """More of them than there are threads, each for ten times what its connection has room for."""
    times, words = 30, b"GET " + LARGE + b" HTTP/1.1\r\n" + HOST
    size = len(talk(server, words + CLOSE + b"\r\n").partition(b"\r\n\r\n")[2])
    assert size > 100_000
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(12)]
        for client in clients:
            client.sendall((words + b"\r\n") * (times - 1) + words + CLOSE + b"\r\n")
        time.sleep(0.3)
        began = time.monotonic()
        for target in (b"/", b"/healthz", b"/no-such-page") * 5:
            other = b"GET " + target + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n"
            assert statuses(talk(server, other)) in ([200], [404])
        assert time.monotonic() - began < 5
        for client in clients:
            answer = b"".join(iter(partial(client.recv, 1_000_000), b""))
            assert statuses(answer) == [200] * times
            assert len(answer) > times * size
