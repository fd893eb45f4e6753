"""Development tools: the mailbox page, live reload and ``make run``.

The site itself imports only the mailbox page; the other modules run as separate programs.
"""

from flask import Flask

from app.dev import routes


def init_app(app: Flask) -> None:
    """Add the ``/dev/mailbox`` pages."""
    app.register_blueprint(routes.blueprint)
