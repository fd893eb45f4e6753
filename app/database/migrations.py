"""Alembic, for the commands that change tables; no other process loads it."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_alembic import Alembic

from app import scheduler  # noqa: F401  (adds tables to the metadata)
from app.database import (
    Base,
    Database,
    revisions,
)
from app.maintenance import audit_log, encryption_keys  # noqa: F401  (adds tables to the metadata)
from app.monitoring import alerts  # noqa: F401  (adds tables to the metadata)
from app.services import services_of

UPGRADE_LOCK = 7_202_640_001  # key of PostgreSQL's advisory lock, used for nothing else


class LockedAlembic(Alembic):
    """Flask-Alembic that may run on several hosts at once: one migrates, the others wait
    and find nothing to do.
    """

    def run_migrations(self, fn: Callable[..., Any], **kwargs: Any) -> None:
        """Run migrations under an advisory lock. On SQLite the transaction is the lock."""
        connection = self.migration_context.connection
        assert connection  # None only when SQL is printed instead of run
        engine = connection.engine
        if engine.dialect.name == "sqlite":
            super().run_migrations(fn, **kwargs)
            return
        with engine.begin() as holder:  # the lock ends with this transaction or its process
            holder.execute(sa.text("SET LOCAL lock_timeout = 0"))  # wait however long it takes
            holder.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))
            super().run_migrations(fn, **kwargs)


def alembic_for(app: Flask) -> Alembic:
    """Flask-Alembic of ``app``, initialized on first use."""
    if "alembic" not in app.extensions:
        database: Database = services_of(app).database
        app.config["ALEMBIC"] = {"script_location": str(revisions.FOLDER)}
        app.config["ALEMBIC_CONTEXT"] = {"transactional_ddl": True}  # SQLite rolls back DDL too
        options: dict[str, Any] = {"metadatas": Base.metadata, "engines": database.engine}
        LockedAlembic(app, run_mkdir=False, command_name="", **options)
    alembic = app.extensions["alembic"]
    assert isinstance(alembic, Alembic)
    return alembic
