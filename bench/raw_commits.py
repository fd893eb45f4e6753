"""Durable commits of one row, without HTTP or ORM: the upper limit of database and driver.

``python -m bench.raw_commits URL SECONDS`` prints the number of commits. bench/baseline.py
commits the same row in a Flask view.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.database import Database
from app.encryption import KeyRing

ROOT = Path(__file__).resolve().parents[1]
METADATA = sa.MetaData()
TABLE = sa.Table(
    "bench_row",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("body", sa.LargeBinary),
)
BODY = b"x" * 1000
KEYS = KeyRing([Fernet.generate_key().decode()])  # required by Database, not used here


class RawConnection:
    """A driver connection with the site's durability settings. For one thread."""

    def __init__(self, url: str) -> None:
        engine = Database(url, KEYS).engine
        self._connection = _driver_connection(engine)
        sqlite = engine.dialect.name == "sqlite"
        self._begin = "BEGIN IMMEDIATE" if sqlite else "BEGIN"
        self._insert = f"INSERT INTO bench_row (body) VALUES ({'?' if sqlite else '%s'})"
        if not sqlite:
            self._connection.autocommit = True

    def commit(self, body: bytes = BODY) -> None:
        """Add one row. It is on disk when this returns."""
        self._connection.execute(self._begin)
        self._connection.execute(self._insert, (body,))
        self._connection.execute("COMMIT")


def _driver_connection(engine: sa.Engine) -> Any:
    return engine.raw_connection().driver_connection


def create_table(url: str) -> None:
    METADATA.create_all(Database(url, KEYS).engine)


def rate(url: str, processes: int, seconds: int) -> float:
    """Return the commits per second of ``processes`` that run at the same time."""
    command = [sys.executable, "-m", "bench.raw_commits", url, str(seconds)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(processes)
    ]
    return sum(int(process.communicate()[0]) for process in running) / seconds


def _count(url: str, seconds: int) -> int:
    connection, count = RawConnection(url), 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection.commit()
        count += 1
    return count


if __name__ == "__main__":
    print(_count(sys.argv[1], int(sys.argv[2])))
