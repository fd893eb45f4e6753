"""Which form the database has, and whether this version of the code knows it.

The revisions are read from the names of the migration files (``004_….py`` is revision
004). Alembic would tell them too, but every process that serves or sends would hold
it: 40 MB and a quarter of a second at its start.
"""

from functools import cache

import sqlalchemy as sa

from config import ROOT

FOLDER = ROOT / "migrations"


class NewerDatabaseError(Exception):
    """The database was changed by a newer version of the code."""


@cache
def revisions() -> tuple[str, ...]:
    """All revisions that this version knows, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in FOLDER.glob("[0-9]*_*.py")))


def head() -> str:
    """The revision that this version works with."""
    return revisions()[-1]


def current(engine: sa.Engine) -> str | None:
    """The revision of the database; None before the first migration."""
    with engine.execution_options(deferred=True).connect() as connection:
        return revision_of(connection)


def revision_of(connection: sa.Connection) -> str | None:
    """The same over a connection that is there."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def is_known(revision: str | None) -> bool:
    return revision is None or revision in revisions()


def refuse_newer(engine: sa.Engine) -> None:
    """Return when the code knows the database's revision. Raises NewerDatabaseError."""
    revision = current(engine)
    if not is_known(revision):
        raise NewerDatabaseError(
            f"the database is newer than this code (revision {revision}, the code knows"
            f" {head()} at most): upgrade the code; nothing was changed"
        )


def schema_fault(engine: sa.Engine) -> str | None:
    """What is wrong with the database's revision, in words; None when it is the newest."""
    revision = current(engine)
    if revision == head():
        return None
    if not is_known(revision):
        return "the database is newer than this code: upgrade the code"
    return "the database is not migrated: run `flask --app wsgi db upgrade`"
