"""The parts of a running application, with their types.

Every package may import this module, because it imports no other package at runtime.
"""

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from flask import Flask, current_app

if TYPE_CHECKING:
    from app.clinic import Clinic
    from app.contact.service import InquiryService
    from app.database import Database
    from app.location.routes import ClinicMap
    from app.monitoring.readiness import Readiness
    from app.notices.board import NoticeBoard
    from config import Settings

EXTENSION_KEY = "frontdesk"


@dataclass
class Services:
    """What views, commands and jobs share."""

    settings: "Settings"
    clinic: "Clinic"
    database: "Database"
    clinic_map: "ClinicMap"
    inquiries: "InquiryService"
    notices: "NoticeBoard"
    readiness: "Readiness"
    post_refused: Event = field(default_factory=Event)  # not stored yet


def get_services(app: Flask) -> Services:
    """Return the services of ``app``. Raises the error that kept the site from starting."""
    services = app.extensions[EXTENSION_KEY]
    if isinstance(services, Exception):
        raise services
    assert isinstance(services, Services)
    return services


def current_services() -> Services:
    """Return the services of the current application. Raises as ``get_services`` does."""
    return get_services(current_app)
