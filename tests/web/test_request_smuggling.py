"""Requests that two servers could interpret differently are rejected and close the connection."""

import pytest

from tests.support.raw_http import send_raw, statuses
from tests.support.site import Site

HOST = b"Host: 127.0.0.1\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /contact HTTP/1.1\r\n" + HOST + FORM
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
SECOND = b"GET /privacy HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"

SHAPES = {
    "length and chunks": POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n" + END,
    "chunks and length": POST + CHUNKED + b"Content-Length: 4\r\n\r\n" + END,
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd",
    "two equal lengths": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "a length with a sign": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a negative length": POST + b"Content-Length: -4\r\n\r\nabcd",
    "a hexadecimal length": POST + b"Content-Length: 0x4\r\n\r\nabcd",
    "a length in other digits": POST + "Content-Length: ²\r\n\r\nabcd".encode("latin-1"),
    "an underscored length": POST + b"Content-Length: 1_0\r\n\r\nabcd",
    "a length with a space before its colon": POST + b"Content-Length : 4\r\n\r\nabcd",
    "a length on a second line": POST + b"Content-Length:\r\n 4\r\n\r\nabcd",
    "a folded header": GET + b"X-One: a\r\n b\r\n\r\n",
    "a folded header by tab": GET + b"X-One: a\r\n\tb\r\n\r\n",
    "chunks with a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + END,
    "chunks with a leading control": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + END,
    "chunks with a trailing control": POST + b"Transfer-Encoding: chunked\x0c\r\n\r\n" + END,
    "chunks in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + END,
    "chunks misspelt": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + END,
    "chunks twice": POST + CHUNKED + CHUNKED + b"\r\n" + END,
    "chunks, then another coding": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + END,
    "another coding alone": POST + b"Transfer-Encoding: gzip\r\n\r\n" + END,
    "no coding": POST + b"Transfer-Encoding: identity\r\n\r\n" + END,
    "an empty coding": POST + b"Transfer-Encoding:\r\n\r\n" + END,
    "chunks before a line feed": POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + END,
    "chunks before a carriage return": POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n" + END,
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n" + END,
    "a size with 0x": POST + CHUNKED + b"\r\n0x5\r\nabcde\r\n" + END,
    "a size with a sign": POST + CHUNKED + b"\r\n+5\r\nabcde\r\n" + END,
    "a negative size": POST + CHUNKED + b"\r\n-5\r\nabcde\r\n" + END,
    "a size with an underscore": POST + CHUNKED + b"\r\n0_5\r\nabcde\r\n" + END,
    "no size": POST + CHUNKED + b"\r\n\r\nabcde\r\n" + END,
    "a space before a size": POST + CHUNKED + b"\r\n 5\r\nabcde\r\n" + END,
    "a size that is too small": POST + CHUNKED + b"\r\n3\r\nabcde\r\n" + END,
    "a size before a line feed": POST + CHUNKED + b"\r\n5\nabcde\r\n" + END,
    "an extension with a return": POST + CHUNKED + b"\r\n5;a\rb\r\nabcde\r\n" + END,
    "a chunk without its end": POST + CHUNKED + b"\r\n5\r\nabcdeXX" + END,
    "a trailer that frames": POST + CHUNKED + b"\r\n0\r\nContent-Length: 5\r\n\r\n",
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n",
    "a bare line feed": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\n\r\n",
    "NUL in a value": GET + b"X-One: a\x00b\r\n\r\n",
    "NUL in a name": GET + b"X-\x00One: a\r\n\r\n",
    "DEL in a value": GET + b"X-One: a\x7fb\r\n\r\n",
    "a space in a name": GET + b"X One: a\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "no colon": GET + b"X-One\r\n\r\n",
    "two hosts": GET + b"Host: evil.example\r\n\r\n",
    "a space before the first header": b"GET /healthz HTTP/1.1\r\n " + HOST + b"\r\n",
    "NUL in the address": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the address": b"GET /a\tb HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2 without TLS": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an invalid version": b"GET / HTTP/1.1x\r\n" + HOST + b"\r\n",
    "a small method": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown expectation": GET + b"Expect: a miracle\r\n\r\n",
    "a long line": b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many headers": GET + b"X: y\r\n" * 100 + b"\r\n",
    "a large header": GET + b"X: " + b"y" * 9000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_an_ambiguous_request_is_rejected_and_closes_the_connection(
    server: Site, shape: bytes
) -> None:
    """Immediately: if the connection stayed open, ``talk`` would time out."""
    answer = send_raw(server, shape + SECOND)
    assert len(statuses(answer)) == 1, answer
    assert 400 <= statuses(answer)[0] <= 501, answer
    for word in (b"evil", b"abcde", b"xxxx"):
        assert word not in answer.lower(), "the answer repeats the request"


@pytest.mark.parametrize(
    "shape",
    [
        b"GET /<script>alert(1)</script> x HTTP/1.1\r\n" + HOST + b"\r\n",
        GET + b"X <script>alert(1)</script>: a\r\n\r\n",
        GET + b"Expect: <script>alert(1)</script>\r\n\r\n",
    ],
    ids=["address", "name", "value"],
)
def test_markup_in_a_rejected_request_is_escaped(server: Site, shape: bytes) -> None:
    """Gunicorn quotes a malformed line in its response, escaped."""
    answer = send_raw(server, shape)
    assert 400 <= statuses(answer)[0] <= 501, answer
    assert b"<script" not in answer


def test_pipelined_requests_are_each_answered_once(server: Site) -> None:
    chunks = b"5\r\nname=\r\n" + END
    requests = (
        GET + b"\r\n",
        POST + b"Content-Length: 5\r\n\r\nname=",
        POST + CHUNKED + b"\r\n" + chunks,
        GET + b"Content-Length: 5\r\n\r\nGET /",
        SECOND,
    )
    assert statuses(send_raw(server, b"".join(requests))) == [200, 422, 422, 200, 200]


def test_a_missing_body_is_not_read_as_the_next_request(server: Site) -> None:
    """The site responds without reading the body, and must not read it as a request later."""
    large = GET + b"Content-Length: 9999999\r\n\r\n"
    assert statuses(send_raw(server, large + SECOND)) == [200]


def test_a_malformed_request_is_not_logged(server: Site) -> None:
    before = len(server.lines)
    for shape in (GET + b"X-One: ada\x00lovelace\r\n\r\n", b"GET /?ada-lovelace\r\n\r\n"):
        send_raw(server, shape)
    for line in server.lines[before:]:
        assert "ada" not in line
        assert "127.0.0.1" not in line
