"""A real Redis on loopback, with nothing of it on disk. `make redis` brings the program."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis as client
from redis.exceptions import RedisError

from config import ROOT
from tests.support.site import eventually, free_port

UNPACKED = ROOT / "build" / "redis" / "usr"


@contextmanager
def redis_running() -> Iterator[str]:
    """Its address, as RATELIMIT_STORAGE_URI wants it; it is ended on leaving."""
    with redis_process() as (url, _):
        yield url


@contextmanager
def redis_process() -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """The same with its process, for a test that does something to it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="frontdesk-redis-") as folder:
        process = subprocess.Popen(
            [_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            env={"PATH": os.defpath, "LD_LIBRARY_PATH": _libraries()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: _answers(port), what="Redis answers")
            yield f"redis://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis that tests share: keep to visitors' addresses of your own."""
    with redis_running() as url:
        yield url


def _program() -> str:
    places = os.pathsep.join((os.environ.get("PATH", ""), str(UNPACKED / "bin")))
    found = shutil.which("redis-server", path=places)
    assert found, "redis-server is not here: run `make redis`"
    return found


def _libraries() -> str:
    """Where unpacked packages keep theirs: ``usr/lib/x86_64-linux-gnu`` and the like."""
    return os.pathsep.join(str(one) for one in Path(UNPACKED, "lib").glob("*-linux-*"))


def _answers(port: int) -> bool:
    try:
        with client.Redis(port=port) as connection:
            return bool(connection.ping())
    except RedisError:
        return False
