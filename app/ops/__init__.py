"""What the people who run the site need: health, and commands."""

from flask import Flask

from app.ops import health
from app.ops.commands import Commands
from config import Settings


def init_app(app: Flask, *, settings: Settings) -> None:
    """Register the ``flask`` commands, /healthz and /readyz."""
    app.extensions["settings"] = settings
    app.cli = Commands(app.name)
    app.register_blueprint(health.blueprint)
