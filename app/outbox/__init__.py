"""The transactional outbox: emails are stored with the data that causes them and sent later."""

from flask import Flask

from app.outbox.smtp import SMTPSettings, init_mail


def init_app(app: Flask, *, relay: SMTPSettings) -> None:
    """Configure Flask-Mail with the mail server to use."""
    init_mail(app, relay)
