"""What a visitor writes: the form, the API, and the record of it."""

from flask import Flask

from app.contact import api, routes
from app.contact.idempotency import Submissions
from app.web.error_handlers import register_error_page


def init_app(app: Flask, *, secret: str, screening: bool, site: str) -> None:
    """Join the contact room to the application.

    ``secret`` keys the digests that tell repeated submissions; ``site`` is our own address.
    """
    app.config.update(SCREENING=screening, SITE=site)
    app.extensions["submissions"] = Submissions(secret)
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(api.blueprint)
    app.jinja_env.globals["contact_form"] = routes.blank_form
    register_error_page(app, "/contact", routes.failed_post)
