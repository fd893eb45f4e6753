"""Alembic, for the commands that change the database's form; no other process loads it."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app
from flask_alembic import Alembic

from app.db import Base, current_database
from app.ops import alerts, chores, keys, looks  # noqa: F401  (their records belong to the metadata)

UPGRADING = 7_202_640_001  # the advisory lock's number; ours alone in this database


class OneAtATime(Alembic):
    """Flask-Alembic, safe to be run from several hosts at once: the second one waits,
    and finds nothing left to do.
    """

    def run_migrations(self, fn: Callable[..., Any], **kwargs: Any) -> None:
        """As Alembic does. On SQLite the transaction that begins here is the only one."""
        connection = self.migration_context.connection
        assert connection  # None only where SQL is written instead of run
        engine = connection.engine
        if engine.dialect.name == "sqlite":
            super().run_migrations(fn, **kwargs)
            return
        with engine.begin() as holder:  # a lock of this transaction: it goes with the process
            holder.execute(sa.text("SET LOCAL lock_timeout = 0"))  # however long it takes
            holder.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADING)))
            super().run_migrations(fn, **kwargs)


def current_alembic() -> Alembic:
    """Flask-Alembic, joined to the running application when it is first asked for."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    if "alembic" not in app.extensions:
        app.config["ALEMBIC_CONTEXT"] = {"transactional_ddl": True}  # SQLite rolls back DDL too
        engines = current_database().engine
        options: dict[str, Any] = {"metadatas": Base.metadata, "engines": engines}
        OneAtATime(app, run_mkdir=False, command_name="", **options)
    found = app.extensions["alembic"]
    assert isinstance(found, Alembic)
    return found
