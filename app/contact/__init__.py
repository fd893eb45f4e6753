"""Inquiries: the contact form, the API, and the service that stores and emails them."""

from flask import Flask

from app.contact import api, routes


def init_app(app: Flask) -> None:
    """Register the contact form and the API."""
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(api.blueprint)
    app.jinja_env.globals["contact_form"] = routes.blank_form
