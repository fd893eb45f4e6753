"""Schema revisions: whether this code can work with the tables in the database.

Revisions are read from the names of the migration files (``0001_initial.py`` is revision
0001). Loading Alembic for that would cost every web process 40 MB.
"""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.database import Base, error_line

FOLDER = Path(__file__).parents[2] / "migrations"


class UnknownRevisionError(Exception):
    """This code does not know the database's revision. The message says what to do."""


@cache
def known_revisions() -> tuple[str, ...]:
    """Return all revisions that this code knows, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in FOLDER.glob("[0-9]*_*.py")))


def get_revision(connection: sa.Connection) -> str | None:
    """Return the revision of the database, or None before the first migration."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return revision


def require_known_revision(revision: str | None) -> None:
    """Raise UnknownRevisionError unless `flask db upgrade` can start from ``revision``."""
    if revision is not None and revision not in known_revisions():
        raise UnknownRevisionError(
            f"the database is newer than this code (revision {revision}): upgrade the code. If it"
            " is from a development version before 1.0, delete it"
        )


def schema_problem(revision: str | None) -> str | None:
    """Return why this code cannot work with a database at ``revision``, or None if it can."""
    try:
        require_known_revision(revision)
    except UnknownRevisionError as error:
        return str(error)
    if revision != known_revisions()[-1]:
        return "the database is not migrated: run `flask db upgrade`"
    return None


def table_problem(connection: sa.Connection) -> str | None:
    """Return the first table that lacks a column of its model or cannot be read, or None.

    Covers the models that the caller has imported. Reads no rows.
    """
    for table in Base.metadata.sorted_tables:
        try:
            connection.execute(sa.select(table).where(sa.false()))
        except SQLAlchemyError as error:
            return f"the table {table.name} cannot be read: {error_line(error)}"
    return None
