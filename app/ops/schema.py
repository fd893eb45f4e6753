"""Whether the database's tables are those that this code was written for."""

from functools import cache

import sqlalchemy as sa

from app.ops import revision

head = cache(revision.head)


def schema_fault(engine: sa.Engine) -> str | None:
    """What is wrong with the database's revision, in words; None when it is the newest."""
    current = revision.current(engine)
    if current == head():
        return None
    if not revision.is_known(current):
        return "the database is newer than this code: upgrade the code"
    return "the database is not migrated: run `flask --app wsgi db upgrade`"
