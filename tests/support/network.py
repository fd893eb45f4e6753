"""Tests reach this machine and nothing else; a test that tries more fails by name."""

import ipaddress
import socket
from collections.abc import Iterator

import pytest


class ForbiddenConnectionError(AssertionError):
    """A test tried to reach another machine."""


def _is_local(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _check(address: object) -> None:
    if isinstance(address, tuple) and not _is_local(address[0]):
        raise ForbiddenConnectionError(f"a test tried to reach {address[0]}")


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse connections and name look-ups that leave this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: object) -> None:
        _check(address)
        connect(self, address)  # type: ignore[arg-type]

    def guarded_look_up(host: object, *rest: object, **more: object) -> object:
        _check((host,))
        return look_up(host, *rest, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield
