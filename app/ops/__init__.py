"""What the people who run the site need: health, and commands."""

from typing import Any

from flask import Flask
from flask_alembic import Alembic

from app.db import Base, Database
from app.ops import health, inquiries_cli, mailer_cli, outbox_cli


def init_app(app: Flask, *, database: Database, fallback: str | None) -> None:
    """Join this room: ``flask db|mailer|outbox|inquiries`` and /healthz.

    ``fallback`` is the mailbox that gets what another one refused.
    """
    app.config["FALLBACK_MAILBOX"] = fallback
    app.config["ALEMBIC_CONTEXT"] = {"transactional_ddl": True}  # SQLite rolls back DDL too
    options: dict[str, Any] = {"metadatas": Base.metadata, "engines": database.engine}
    Alembic(app, run_mkdir=False, command_name="db", **options)
    for group in (mailer_cli.mailer, outbox_cli.outbox, inquiries_cli.inquiries):
        app.cli.add_command(group)
    app.register_blueprint(health.blueprint)
