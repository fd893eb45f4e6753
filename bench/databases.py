"""The databases that the benchmarks run on: SQLite in two journal modes, and PostgreSQL."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.database_servers import DatabaseServer, Postgres, SQLite


class RollbackJournal(SQLite):
    """SQLite without a write-ahead log: DELETE with synchronous=EXTRA."""

    def create(self, folder: Path) -> str:
        return f"{super().create(folder)}?journal_mode=delete"


DATABASES: dict[str, type[DatabaseServer]] = {
    "SQLite, WAL/FULL": SQLite,
    "SQLite, DELETE/EXTRA": RollbackJournal,
    "PostgreSQL": Postgres,
}


@contextmanager
def temporary_database(name: str) -> Iterator[tuple[DatabaseServer, Path]]:
    """Yield the database server called ``name`` and a temporary folder for the measurements."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)  # PostgreSQL runs as another user if we are root
        server = DATABASES[name](folder)
        try:
            yield server, folder
        finally:
            server.close()
