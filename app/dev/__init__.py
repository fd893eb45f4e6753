"""What only a developer's machine has: the mailbox that stands in for a relay, and its page.

``environment.py``, ``announce.py``, ``preview_mailer.py`` and ``mailbox.py`` are programs of
their own; the site imports none of them.
"""

from flask import Flask

from app.dev import routes


def init_app(app: Flask) -> None:
    """Add the ``/dev/mailbox`` pages."""
    app.register_blueprint(routes.blueprint)
