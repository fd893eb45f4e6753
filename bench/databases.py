"""The databases that everything is measured on: two ways of SQLite, and PostgreSQL."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.database_servers import DatabaseServer, Postgres, SQLite


class RollbackJournal(SQLite):
    """SQLite without a write-ahead log: DELETE with synchronous=EXTRA."""

    def make(self, folder: Path) -> str:
        return f"{super().make(folder)}?journal_mode=delete"


KINDS: dict[str, type[DatabaseServer]] = {
    "SQLite, WAL/FULL": SQLite,
    "SQLite, DELETE/EXTRA": RollbackJournal,
    "PostgreSQL": Postgres,
}


@contextmanager
def temporary_database(name: str) -> Iterator[tuple[DatabaseServer, Path]]:
    """The database called so, and a folder for what is measured on it."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as place:
        folder = Path(place)
        folder.chmod(0o711)  # PostgreSQL runs as another user when we are root
        server = KINDS[name](folder)
        try:
            yield server, folder
        finally:
            server.close()
