"""Which form the database has, and whether this version of the code knows it."""

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from config import ROOT

FOLDER = str(ROOT / "migrations")


class NewerDatabaseError(Exception):
    """The database was changed by a newer version of the code."""


def script() -> ScriptDirectory:
    """The numbered migrations of this version."""
    return ScriptDirectory(FOLDER, version_locations=[FOLDER])


def head() -> str:
    """The revision that this version works with."""
    found = script().get_current_head()
    assert found
    return found


def current(engine: sa.Engine) -> str | None:
    """The revision of the database; None before the first migration."""
    with engine.execution_options(deferred=True).connect() as connection:
        # Asked directly: Alembic would log two lines, and readiness is asked each few seconds.
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return found


def is_known(revision: str | None) -> bool:
    return revision is None or revision in {one.revision for one in script().walk_revisions()}


def refuse_newer(engine: sa.Engine) -> None:
    """Return when the code knows the database's revision. Raises NewerDatabaseError."""
    revision = current(engine)
    if not is_known(revision):
        raise NewerDatabaseError(
            f"the database is newer than this code (revision {revision}, the code knows"
            f" {head()} at most): upgrade the code; nothing was changed"
        )
