"""Durable mail: written down with what caused it, sent afterwards, never forgotten."""

from flask import Flask

from app.outbox.smtp import SMTPSettings, init_mail


def init_app(app: Flask, *, relay: SMTPSettings) -> None:
    """Join the outbox to the application; ``relay`` says where mail goes."""
    init_mail(app, relay)
