"""PgBouncer in transaction mode on loopback. `make pgbouncer` installs the program."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from config import ROOT
from tests.support.site import eventually, free_port

UNPACKED = ROOT / "build" / "pgbouncer" / "usr"
# The pool is smaller than what clients ask for, so that transactions change connections.
SETTINGS = """
[databases]
{name} = host={socket} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
{run_as}
"""


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """Run PgBouncer in front of the database ``url``. Yields the URL to use instead."""
    direct, port = make_url(url), free_port()
    socket = Path(str(direct.query["host"]))
    owner = pwd.getpwuid(socket.stat().st_uid).pw_name
    pooled = f"postgresql://{direct.username}@127.0.0.1:{port}/{direct.database}"
    with tempfile.NamedTemporaryFile("w", prefix="frontdesk-pgbouncer-", suffix=".ini") as file:
        run_as = f"user = {owner}" if os.geteuid() == 0 else ""  # it refuses to run as root
        names = {"name": direct.database, "user": direct.username}
        file.write(SETTINGS.format(socket=socket, port=port, run_as=run_as, **names))
        file.flush()
        Path(file.name).chmod(0o644)
        process = subprocess.Popen(
            [_program(), "--quiet", file.name],
            env={"PATH": os.defpath, "LD_LIBRARY_PATH": _libraries()},
            stdin=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: _responds(pooled), what="PgBouncer responds")
            yield pooled.replace("postgresql://", "postgresql+psycopg://")
        finally:
            process.terminate()
            process.wait(10)


def _program() -> str:
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", str(UNPACKED / "sbin")))
    program = shutil.which("pgbouncer", path=path)
    assert program, "pgbouncer is missing: run `make pgbouncer`"
    return program


def _libraries() -> str:
    return os.pathsep.join(str(folder) for folder in Path(UNPACKED, "lib").glob("*-linux-*"))


def _responds(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() is not None
    except psycopg.Error:
        return False
