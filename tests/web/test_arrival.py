"""A request counts as come with its last byte, not before, however it was cut up."""

import pytest

from app.web.arrival import MOST_BODY, MOST_CHUNKED, MOST_HEAD, Arrival, Verdict

HEAD = b"POST /contact HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = {
    "no body": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a length": HEAD + b"Content-Length: 5\r\n\r\nhello",
    "a length in capitals": HEAD + b"CONTENT-LENGTH:5 \r\nAccept: */*\r\n\r\nhello",
    "no length": HEAD + b"Content-Length: 0\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunks with extensions": HEAD
    + b"transfer-encoding:chunked\r\n\r\n5;a=b\r\nhel\r\n\r\n0;c\r\n\r\n",
    "chunks with trailers": HEAD
    + b"Transfer-Encoding: Chunked\r\n\r\n3\r\n0\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "the end within a chunk": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n",
}
# The parser refuses each of these: there is nothing to wait for.
ODD = {
    "bare line feeds": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "a bare line feed": b"GET / HTTP/1.1\r\nHost: localhost\nX: y",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a length that is none": HEAD + b"Content-Length: +5\r\n\r\n",
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked, gzip\r\n\r\n",
    "no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n",
    "a negative size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "a size without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 1100,
    "too large to wait for": HEAD + b"Content-Length: %d\r\n\r\n" % (MOST_BODY + 1),
}


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE.keys())
@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_it_has_come_with_its_last_byte(whole: bytes, step: int) -> None:
    arrival = Arrival()
    pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
    verdicts = [arrival.add(piece) for piece in pieces]
    assert verdicts == [Verdict.WAIT] * (len(pieces) - 1) + [Verdict.COME]
    assert arrival.received == whole


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE.keys())
def test_what_follows_is_kept(whole: bytes) -> None:
    arrival = Arrival()
    assert arrival.add(whole + b"GET /next") is Verdict.COME
    assert arrival.received.endswith(b"GET /next")


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_what_the_parser_will_refuse_is_not_waited_for(odd: bytes) -> None:
    assert Arrival().add(odd) is Verdict.COME


@pytest.mark.parametrize("step", [100, 100_000])
def test_a_head_without_end_is_too_long(step: int) -> None:
    arrival, verdict = Arrival(), Verdict.WAIT
    for _ in range(MOST_HEAD // step + 1):
        verdict = arrival.add(b"x" * step)
    assert verdict is Verdict.HEAD_TOO_LONG


def test_so_is_one_that_ends_late() -> None:
    late = b"GET / HTTP/1.1\r\nX: " + b"x" * MOST_HEAD + b"\r\n\r\n"
    assert Arrival().add(late) is Verdict.HEAD_TOO_LONG


def test_endless_chunks_are_not_waited_for() -> None:
    arrival = Arrival()
    verdict = arrival.add(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    while verdict is Verdict.WAIT:
        sent += 1000
        verdict = arrival.add(b"3e2\r\n" + b"x" * 994 + b"\r\n")
    assert MOST_CHUNKED <= sent <= MOST_CHUNKED + 2000


def test_who_asks_whether_to_send_is_heard() -> None:
    arrival = Arrival()
    arrival.add(HEAD + b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
    assert arrival.expects


@pytest.mark.parametrize(
    ("rest", "has"),
    [
        (b"\r\n", False),
        (b"Content-Length: 0\r\n\r\n", False),
        (b"Content-Length: 1\r\n\r\nx", True),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
    ],
)
def test_whether_there_is_a_body(rest: bytes, *, has: bool) -> None:
    arrival = Arrival()
    assert arrival.add(HEAD + rest) is Verdict.COME
    assert arrival.has_body is has


def test_who_speaks_http_1_0_is_not_told_to_go_on() -> None:
    arrival = Arrival()
    arrival.add(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert not arrival.expects
