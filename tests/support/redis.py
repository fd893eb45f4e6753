"""A Redis server on loopback, without persistence. `make redis` installs the program."""

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
    """Run Redis during the block. Yields its URL for RATELIMIT_STORAGE_URI."""
    with redis_process() as (url, _):
        yield url


@contextmanager
def redis_process() -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """Run Redis during the block. Yields its URL and its process."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="frontdesk-redis-") as folder:
        process = subprocess.Popen(
            [_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            env={"PATH": os.defpath, "LD_LIBRARY_PATH": _libraries()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: _responds(port), what="Redis responds")
            yield f"redis://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The URL of a Redis that tests share. Each test must use its own client addresses."""
    with redis_running() as url:
        yield url


def _program() -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), str(UNPACKED / "bin")))
    program = shutil.which("redis-server", path=path)
    assert program, "redis-server is missing: run `make redis`"
    return program


def _libraries() -> str:
    """Return the library folders of the unpacked packages, such as ``usr/lib/x86_64-linux-gnu``."""
    return os.pathsep.join(str(folder) for folder in Path(UNPACKED, "lib").glob("*-linux-*"))


def _responds(port: int) -> bool:
    try:
        with client.Redis(port=port) as connection:
            return bool(connection.ping())
    except RedisError:
        return False
