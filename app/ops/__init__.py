"""What the people who run the site need: health, and commands."""

from flask import Flask

from app.ops import health
from app.ops.commands import Commands
from app.web.answered import Answered
from config import Settings


def init_app(app: Flask, *, settings: Settings, answered: Answered | None = None) -> None:
    """Join this room: the ``flask`` commands, /healthz and /readyz; /metrics, with the
    numbers of ``answered``, where a token is set for it.
    """
    app.extensions["settings"] = settings
    app.cli = Commands(app.name)
    app.register_blueprint(health.blueprint)
    if answered is not None:
        from app.ops import metrics  # noqa: PLC0415  (else nobody needs Prometheus's client)

        metrics.init_app(
            app,
            token=settings.metrics_token.get_secret_value(),
            instance=settings.instance_dir,
            answered=answered,
        )
