"""The application factory: the one file that knows every room."""

from datetime import date
from functools import partial
from pathlib import Path

from flask import Flask

from app import clock, contact, dev, location, outbox, pages, web
from app.cli import LazyCommands
from app.clinic import Clinic, ClinicError, load_clinic
from app.clinic.opening_hours import OpeningHours
from app.clinic.placeholders import reject_placeholders
from app.contact.emails import NotificationDetail
from app.contact.idempotency import SubmissionKeys
from app.contact.service import InquiryService
from app.database import Database
from app.encryption import KeyRing
from app.monitoring import health
from app.outbox.smtp import SMTPSettings
from app.pages.conditional_blocks import PageSettings, page_settings
from app.services import EXTENSION_KEY, Services
from app.web.logging import RequestObserver
from config import ROOT, Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Create the site of one clinic, with the settings of the environment by default.

    Raises SettingsError when they are invalid, and ClinicError when the clinic's files are, or
    when production would show the demo clinic or placeholder text.
    """
    settings = settings or Settings.from_env()
    clinic = load_clinic(settings.clinic_dir)
    if clinic.demo and not settings.is_development:
        raise ClinicError(
            f"{settings.clinic_dir}/clinic.toml: demo: this is the demo clinic, which no visitor"
            " should meet. `flask --app wsgi clinic new FOLDER` makes yours; CLINIC_DIR names it"
        )
    if not settings.is_development:
        reject_placeholders(settings.clinic_dir)
    app = Flask(
        "frontdesk",
        root_path=str(ROOT),
        instance_path=str(settings.instance_dir),
        static_folder="static",
        template_folder="templates",
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    today = partial(_today, clinic)
    app.jinja_env.globals.update(
        clinic=clinic, opening_hours=lambda location: OpeningHours(location, today())
    )
    database = Database(settings.database, KeyRing(settings.encryption_key_list))
    observe = _init_metrics(app, settings, database)
    web.init_app(
        app,
        secret=settings.secret_key.get_secret_value(),
        trusted_hosts=settings.trusted_hosts,
        trusted_proxies=settings.trusted_proxies,
        hsts_subdomains=settings.hsts_subdomains,
        ratelimit_enabled=settings.ratelimit_enabled,
        ratelimit_storage_uri=settings.ratelimit_storage_uri.get_secret_value(),
        log_format=settings.log_format,
        observe=observe,
        page_version=today,
        development=settings.is_development,
    )
    basemap = settings.clinic_dir / "basemap.pmtiles"
    pages.init_app(
        app,
        clinic=clinic,
        folder=settings.clinic_dir,
        site=settings.site_url,
        settings=_page_settings(settings, basemap),
    )
    clinic_map = location.init_app(
        app,
        clinic=clinic,
        basemap=basemap,
        tiles_url=settings.map_tiles_url,
        cache=settings.instance_dir / "cache",
    )
    outbox.init_app(app, relay=_relay(settings, clinic))
    inquiries = InquiryService(
        database,
        clinic,
        site=settings.site_url,
        submission_keys=SubmissionKeys(settings.secret_key.get_secret_value()),
        notification_detail=NotificationDetail(settings.notification_detail),
        send_acknowledgement=settings.send_acknowledgement,
        spam_filter_enabled=settings.spam_filter_enabled,
    )
    contact.init_app(app)
    app.register_blueprint(health.blueprint)
    app.cli = LazyCommands(app.name)
    app.extensions[EXTENSION_KEY] = Services(settings, clinic, database, clinic_map, inquiries)
    if settings.is_development:
        dev.init_app(app)
    return app


def _today(clinic: Clinic) -> date:
    return clock.now().astimezone(clinic.zone).date()


def _init_metrics(app: Flask, settings: Settings, database: Database) -> RequestObserver | None:
    """Serve /metrics where a token is set for it; returns what counts requests."""
    token = settings.metrics_token.get_secret_value()
    if not token:
        return None
    from app.monitoring import metrics  # noqa: PLC0415  (else nothing needs Prometheus's client)

    made = metrics.Metrics(database, token)
    metrics.init_app(app, made)
    return made.requests.observe


def _page_settings(settings: Settings, basemap: Path) -> PageSettings:
    return page_settings(
        retention_days=settings.retention_days,
        quarantine_retention_days=settings.quarantine_retention_days,
        notification_detail=settings.notification_detail,
        send_acknowledgement=settings.send_acknowledgement,
        map_tiles=bool(settings.map_tiles_url) and not basemap.exists(),
    )


def _relay(settings: Settings, clinic: Clinic) -> SMTPSettings:
    return SMTPSettings(
        server=settings.mail_server,
        port=settings.mail_port,
        sender=settings.mail_default_sender or clinic.email,
        use_tls=settings.mail_use_tls and not settings.mail_use_ssl,
        use_ssl=settings.mail_use_ssl,
        username=settings.mail_username,
        password=settings.mail_password.get_secret_value(),
    )
