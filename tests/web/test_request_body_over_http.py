"""Request bodies over a real connection: chunked bodies, and bodies above the limit."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.contact.conftest import GOOD
from tests.support.raw_http import connect, send_raw, statuses
from tests.support.site import Site

HOST = b"Host: 127.0.0.1\r\n"
FORM = HOST + b"Content-Type: application/x-www-form-urlencoded\r\n"


def chunks(*sizes: int) -> bytes:
    body = b"".join(b"%x\r\n" % size + b"m" * size + b"\r\n" for size in sizes)
    return b"Transfer-Encoding: chunked\r\n\r\n" + body


TOO_LARGE = (
    b"POST /contact HTTP/1.1\r\n" + FORM + chunks(*[60_000] * 6),
    b"POST /contact HTTP/1.1\r\n" + FORM + chunks(*[1000] * 400),
    b"POST /contact HTTP/1.1\r\n" + FORM + b"Content-Length: 99999999\r\n\r\nname=",
    b"POST /api/v1/inquiries HTTP/1.1\r\n"
    + FORM.replace(b"x-www-form-urlencoded", b"json")
    + b"Content-Length: 99999999\r\n\r\n{",
)


def test_a_body_above_the_limit_is_rejected_before_it_is_fully_sent(server: Site) -> None:
    """All at once, because gunicorn waits five seconds for the rest of a body."""
    with ThreadPoolExecutor() as pool:
        responses = pool.map(partial(send_raw, server), TOO_LARGE)
        assert [statuses(response) for response in responses] == [[413]] * len(TOO_LARGE)


def test_a_chunked_body_is_accepted(server: Site) -> None:
    body = "&".join(f"{name}={value}" for name, value in GOOD.items()).replace("\r\n", "%0D%0A")
    head = b"POST /contact HTTP/1.1\r\n" + FORM + b"Transfer-Encoding: chunked\r\n\r\n"
    for letter in body.encode():
        head += b"1\r\n%c\r\n" % letter
    with connect(server) as client:
        client.sendall(head + b"0\r\n\r\n")
        assert statuses(client.recv(65536)) == [303]
