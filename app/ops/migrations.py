"""Alembic, for the commands that change the database's form; no other process loads it."""

from typing import Any

from flask import Flask, current_app
from flask_alembic import Alembic

from app.db import Base, current_database
from app.ops import alerts, chores, keys  # noqa: F401  (their records belong to the metadata)


def current_alembic() -> Alembic:
    """Flask-Alembic, joined to the running application when it is first asked for."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    if "alembic" not in app.extensions:
        app.config["ALEMBIC_CONTEXT"] = {"transactional_ddl": True}  # SQLite rolls back DDL too
        engines = current_database().engine
        options: dict[str, Any] = {"metadatas": Base.metadata, "engines": engines}
        Alembic(app, run_mkdir=False, command_name="", **options)
    found = app.extensions["alembic"]
    assert isinstance(found, Alembic)
    return found
