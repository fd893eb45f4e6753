"""Which form the database has, and whether this version of the code can work with it.

During a deploy old and new code run side by side, so a migration only adds: code of
before goes on working with the newer database. What nobody uses any more is taken away
by a later migration, whose name says from which revision on code works with it:
``012-from-009`` suits code that came with revision 009 or later. The names after it
keep the ``-from-`` (docs/decisions/0008).

The revisions are read from the names of the migration files (``004_….py`` is revision
004). Alembic would tell them too, but every process that serves or sends would hold
it: 40 MB and a quarter of a second at its start.
"""

import re
from functools import cache

import sqlalchemy as sa

from config import ROOT

FOLDER = ROOT / "migrations"
NAME = re.compile(r"(?P<number>\d+)(?:-from-(?P<oldest>\d+))?")
FIRST = 1


class NewerDatabaseError(Exception):
    """The database was changed by a newer version of the code."""


@cache
def revisions() -> tuple[str, ...]:
    """All revisions that this version knows, oldest first."""
    return tuple(sorted(file.name.partition("_")[0] for file in FOLDER.glob("[0-9]*_*.py")))


def head() -> str:
    """The revision that this version came with."""
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


def works_with(revision: str) -> bool:
    """Whether this code can work with a database at ``revision``, newer ones included."""
    theirs, ours = NAME.fullmatch(revision), NAME.fullmatch(head())
    assert ours
    if theirs is None or int(theirs["number"]) < int(ours["number"]):
        return False
    return revision == head() or int(theirs["oldest"] or FIRST) <= int(ours["number"])


def schema_fault(engine: sa.Engine) -> str | None:
    """What is wrong with the database's revision, in words; None when we can work with it."""
    found = current(engine)
    if found and works_with(found):
        return None
    if not is_known(found):
        return "the database is newer than this code: upgrade the code"
    return "the database is not migrated: run `flask --app wsgi db upgrade`"


def refuse_incompatible(engine: sa.Engine) -> None:
    """Return when the code works with the database, or will once it is migrated. Raises
    NewerDatabaseError.
    """
    found = current(engine)
    if not (is_known(found) or works_with(found or "")):
        raise _newer(found)


def refuse_newer(engine: sa.Engine) -> None:
    """The same for what changes or replaces the tables: it has to know them all."""
    if not is_known(found := current(engine)):
        raise _newer(found)


def _newer(revision: str | None) -> NewerDatabaseError:
    return NewerDatabaseError(
        f"the database is newer than this code (revision {revision}, the code knows"
        f" {head()} at most): upgrade the code; nothing was changed"
    )
