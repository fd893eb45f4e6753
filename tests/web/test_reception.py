"""What the worker promises, with one thread and small limits."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config import ROOT
from tests.support.raw import connect, statuses, talk
from tests.support.site import Site, eventually, free_port
from tests.support.small_reception import LARGE, PARTS

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
CONNECTIONS = 20


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One process, one thread, 20 connections, 1.5 seconds for a request, 300 kB held."""
    folder, port = tmp_path_factory.mktemp("reception"), free_port()
    output = folder / "log"
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "1"]
    command += ["--config", "/dev/null", "--worker-connections", str(CONNECTIONS)]
    command += ["--worker-class", "tests.support.small_reception.SmallReception"]
    command += ["--no-control-socket", "tests.support.small_reception:app"]
    with output.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    site = Site(process, f"http://127.0.0.1:{port}", 0, Path(folder), output)
    try:
        eventually(lambda: "Booting worker" in output.read_text(), what="gunicorn starts")
        yield site
    finally:
        process.terminate()
        process.wait(30)


def read(client: object, until: bytes = b"\r\n\r\n") -> bytes:
    """What comes until ``until`` has come or the server closes."""
    answer = b""
    while until not in answer and (some := client.recv(65536)):  # type: ignore[attr-defined]
        answer += some
    return answer


def test_a_request_in_small_pieces_is_one_request(small: Site) -> None:
    with connect(small) as client:
        for piece in (
            b"POST / HT",
            b"TP/1.1\r\nHost: x\r\nContent-Le",
            b"ngth: 5\r\n\r\nab",
            b"cde",
        ):
            client.sendall(piece)
            time.sleep(0.05)
        assert read(client, b"\r\n\r\n5").endswith(b"5")
        client.sendall(GET + CLOSE)  # and the connection goes on
        assert read(client, b"\r\n\r\n0").endswith(b"0")


def test_who_asks_whether_to_send_is_told_to(small: Site) -> None:
    with connect(small) as client:
        client.sendall(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n") % 5)
        assert statuses(read(client)) == [100]
        client.sendall(b"abcde")
        assert statuses(read(client, b"\r\n\r\n5"))[-1] == 200


def test_while_some_send_slowly_others_are_answered(small: Site) -> None:
    with ExitStack() as stack:
        for beginning in (b"", b"GE", GET, POST % 50 + b"abc") * 3:
            stack.enter_context(connect(small)).sendall(beginning)
        for _ in range(20):
            began = time.monotonic()
            assert statuses(talk(small, GET + CLOSE)) == [200]
            assert time.monotonic() - began < 1


def test_while_some_do_not_close_when_told_others_are_answered(small: Site) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(small)) for _ in range(8)]
        for client in clients:
            client.sendall(GET + CLOSE)
        assert [statuses(read(client, b"\r\n\r\n0")) for client in clients] == [[200]] * 8
        began = time.monotonic()
        assert statuses(talk(small, GET + CLOSE)) == [200]
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("beginning", "told"), [(b"", []), (b"GE", [408]), (GET, [408]), (POST % 50 + b"abc", [408])]
)
def test_who_takes_too_long_is_told_and_let_go(
    small: Site, beginning: bytes, told: list[int]
) -> None:
    """However often something more comes."""
    began = time.monotonic()
    with connect(small) as client:
        client.sendall(beginning)
        client.settimeout(0.3)
        answer, closed = b"", False
        while not closed and time.monotonic() - began < 10:
            try:
                some = client.recv(65536)
                answer, closed = answer + some, not some
            except TimeoutError:
                client.sendall(b"x" if beginning else b"")
        assert closed
    assert statuses(answer) == told
    assert 1 < time.monotonic() - began < 6


def test_who_takes_nothing_of_an_answer_holds_up_nobody_and_is_let_go(small: Site) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(small)) for _ in range(4)]
        for client in clients:
            client.sendall(GET.replace(b"/", b"/large", 1) + CLOSE)
        assert statuses(talk(small, GET + CLOSE)) == [200]
        time.sleep(2.5)
        assert all(len(read(client, b"never")) < LARGE for client in clients)


def test_who_takes_an_answer_slowly_gets_all_of_it(small: Site) -> None:
    """In all longer than one may take nothing."""
    with connect(small) as client:
        client.sendall(GET.replace(b"/", b"/large", 1) + CLOSE)
        answer = b""
        while some := client.recv(2_000_000, socket.MSG_WAITALL):
            answer += some
            time.sleep(0.25)
    assert len(answer.partition(b"\r\n\r\n")[2]) == LARGE


def test_an_answer_of_very_many_parts_arrives_whole(small: Site) -> None:
    answer = talk(small, GET.replace(b"/", b"/parts", 1) + CLOSE)
    assert answer.partition(b"\r\n\r\n")[2] == b"x" * PARTS


def test_an_answer_that_fails_half_way_is_an_error_and_nothing_else(small: Site) -> None:
    answer = talk(small, GET.replace(b"/", b"/broken", 1) + CLOSE)
    assert statuses(answer) == [500]


def test_with_too_many_connections_the_oldest_slow_ones_go(small: Site) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(small)) for _ in range(3 * CONNECTIONS)]
        for client in slow:
            client.sendall(b"GE")
        assert statuses(talk(small, GET + CLOSE)) == [200]
        assert slow[0].recv(100) == b""


def test_when_too_much_is_held_the_largest_goes_and_small_ones_are_taken(small: Site) -> None:
    with ExitStack() as stack:
        large = [stack.enter_context(connect(small)) for _ in range(3)]
        for size, client in zip((60_000, 120_000, 180_000), large, strict=True):
            client.sendall(POST % (size + 20_000) + b"x" * size)
        assert statuses(read(large[2])) == [503]
        assert statuses(talk(small, GET + CLOSE)) == [200]
        large[0].sendall(b"x" * 20_000)
        assert read(large[0], b"80000").endswith(b"80000")


def test_what_waits_for_a_thread_is_held_too_and_what_was_answered_is_not(small: Site) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(small)) for _ in range(12)]
        for client in clients:  # none of them closes
            client.sendall(POST % 100_000 + b"x" * 100_000)
            assert read(client, b"100000").endswith(b"100000")
        clients[0].sendall(GET.replace(b"/", b"/slow", 1) + b"\r\n")
        for client in clients[1:]:  # while the only thread is busy
            client.sendall(POST % 100_000 + b"x" * 100_000)
        told = [statuses(read(client))[0] for client in clients[1:]]
    assert 0 < told.count(200) <= 5
    assert set(told) <= {200, 503}
    assert statuses(talk(small, GET + CLOSE)) == [200]


def test_a_head_that_is_too_long_is_told(small: Site) -> None:
    assert statuses(talk(small, b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000)) == [431]


def test_a_refusal_arrives_although_the_client_goes_on_sending(small: Site) -> None:
    """Closed at once, the connection would be reset and the answer lost."""
    with connect(small) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000)
        time.sleep(0.2)
        client.sendall(b"y" * 100_000)
        assert statuses(read(client)) == [431]
