"""What the people who run the site need: health, and commands."""

from typing import Any

from flask import Flask
from flask_alembic import Alembic

from app.db import Base, Database
from app.ops import (
    backup_cli,
    database_cli,
    doctor,
    health,
    inquiries_cli,
    inquiries_erase_cli,
    keys_cli,
    mailer_cli,
    outbox_cli,
    outbox_hold_cli,
    retention_cli,
)
from config import Settings


def init_app(app: Flask, *, settings: Settings, database: Database) -> None:
    """Join this room: the ``flask`` commands, /healthz and /readyz."""
    app.extensions["settings"] = settings
    app.config["ALEMBIC_CONTEXT"] = {"transactional_ddl": True}  # SQLite rolls back DDL too
    options: dict[str, Any] = {"metadatas": Base.metadata, "engines": database.engine}
    Alembic(app, run_mkdir=False, command_name="", **options)
    for command in (mailer_cli.mailer, outbox_cli.outbox, inquiries_cli.inquiries):
        app.cli.add_command(command)
    for command in (database_cli.db, keys_cli.keys, retention_cli.retention):
        app.cli.add_command(command)
    app.cli.add_command(backup_cli.backup)
    app.cli.add_command(backup_cli.restore)
    outbox_cli.outbox.add_command(outbox_hold_cli.hold)
    outbox_cli.outbox.add_command(outbox_hold_cli.release)
    inquiries_cli.inquiries.add_command(inquiries_erase_cli.erase)
    app.cli.add_command(doctor.doctor)
    app.register_blueprint(health.blueprint)
