"""Inquiries: the contact form, the API, and the service that stores and emails them."""

from flask import Flask

from app.contact import answered_routes, api, routes


def init_app(app: Flask, *, retention_days: int) -> None:
    """Register the contact form, the API, and the page that marks an inquiry as answered.

    ``retention_days``: how long inquiries are kept, for the text below the form.
    """
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(answered_routes.blueprint)
    app.jinja_env.globals.update(contact_form=routes.blank_form, retention_days=retention_days)
