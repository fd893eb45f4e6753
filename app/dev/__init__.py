"""What only a developer's machine has: the mailbox that stands in for a relay, and its page.

``environment.py``, ``announce.py``, ``preview_mailer.py`` and ``mailbox.py`` are programs of
their own; the site imports none of them.
"""

from collections.abc import Callable
from pathlib import Path

from flask import Flask

from app.dev import routes


def init_app(app: Flask, *, maildir: Path, make_anew: Callable[[], Flask]) -> None:
    """Add ``/dev/mailbox``, which shows the mails in ``maildir``; a preview uses ``make_anew``."""
    app.extensions["development_make_anew"] = make_anew
    app.extensions["development_maildir"] = maildir
    app.register_blueprint(routes.blueprint)
