"""The transport of an application."""

from flask import Flask

from app.mail import build_transport
from app.outbox.transports import Transport
from app.services import get_services


def transport_of(app: Flask) -> Transport:
    services = get_services(app)
    return build_transport(services.settings, services.clinic)
