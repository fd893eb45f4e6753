"""The application factory."""

from functools import partial

from flask import Flask

from app import contact, dev, location, pages, web
from app.cli import LazyCommands
from app.clinic import Clinic, ClinicError, load_clinic
from app.clinic.opening_hours import OpeningHours
from app.clinic.placeholders import require_ready
from app.contact.emails import NotificationDetail
from app.contact.idempotency import SubmissionKeys
from app.contact.service import InquiryService
from app.contact.staff_links import StaffLinks
from app.database import Database
from app.encryption import KeyRing
from app.monitoring import health
from app.monitoring.observations import notice_refused_post
from app.monitoring.readiness import Readiness
from app.notices.board import NoticeBoard
from app.pages.conditional_blocks import page_settings
from app.services import EXTENSION_KEY, Services
from app.web.logging import RequestObserver
from config import ROOT, Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Create the site of one clinic, by default with the settings of the environment.

    Raises SettingsError when a setting is invalid. Raises ClinicError when a file of the clinic
    is, or when production would show the demo clinic or placeholder text.
    """
    settings = settings or Settings.from_env()
    clinic = _load_clinic(settings)
    app = Flask("frontdesk", root_path=str(ROOT), instance_path=str(settings.instance_dir))
    app.cli = LazyCommands(app.name)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    database = Database(settings.sqlalchemy_url, KeyRing(settings.encryption_key_list))
    notices = NoticeBoard(database, clinic)
    app.jinja_env.globals.update(
        clinic=clinic,
        opening_hours=lambda location: OpeningHours(notices.location(location), clinic.today()),
        notices=notices.lines,
    )
    observe = _init_metrics(app, settings, database)
    _init_web(app, settings, clinic, notices, observe)
    _init_pages(app, settings, clinic)
    clinic_map = location.init_app(
        app,
        clinic=clinic,
        basemap=settings.clinic_dir / "basemap.pmtiles",
        tiles_url=settings.map_tiles_url,
        cache=settings.instance_dir / "cache",
    )
    inquiries = _init_contact(app, settings, clinic, database, notices)
    app.register_blueprint(health.blueprint)
    app.after_request(notice_refused_post)
    if settings.is_development:
        dev.init_app(app)
    app.extensions[EXTENSION_KEY] = Services(
        settings, clinic, database, clinic_map, inquiries, notices, Readiness(database)
    )
    if settings.staff_console == "on":
        _init_staff_console(app, settings, clinic, database)
    return app


def _load_clinic(settings: Settings) -> Clinic:
    clinic = load_clinic(settings.clinic_dir)
    if not settings.is_development:
        if clinic.demo:
            raise ClinicError(
                f"{settings.clinic_dir}/clinic.toml: demo: this is the demo clinic, which is not"
                " for production. Create yours with `flask clinic new FOLDER`, then set CLINIC_DIR"
            )
        require_ready(clinic, settings.clinic_dir)
    return clinic


def _init_metrics(app: Flask, settings: Settings, database: Database) -> RequestObserver | None:
    """Serve /metrics if METRICS_TOKEN is set. Return what counts requests."""
    token = settings.metrics_token.get_secret_value()
    if not token:
        return None
    from app.monitoring.metrics import init_app  # noqa: PLC0415  (loads Prometheus)

    return init_app(app, database, token).observe


def _init_web(
    app: Flask,
    settings: Settings,
    clinic: Clinic,
    notices: NoticeBoard,
    observe: RequestObserver | None,
) -> None:
    web.init_app(
        app,
        secret_key=settings.secret_key.get_secret_value(),
        trusted_hosts=settings.trusted_hosts,
        trusted_proxies=settings.trusted_proxies,
        hsts_subdomains=settings.hsts_subdomains,
        ratelimit_enabled=settings.ratelimit_enabled,
        ratelimit_storage_uri=settings.ratelimit_storage_uri.get_secret_value(),
        log_format=settings.log_format,
        theme_css=clinic.theme.css,
        observe=observe,
        page_version=notices.version,
        development=settings.is_development,
    )


def _init_pages(app: Flask, settings: Settings, clinic: Clinic) -> None:
    has_basemap = (settings.clinic_dir / "basemap.pmtiles").exists()
    pages.init_app(
        app,
        clinic=clinic,
        folder=settings.clinic_dir,
        site_url=settings.site_url,
        settings=page_settings(
            retention_days=settings.retention_days,
            quarantine_retention_days=settings.quarantine_retention_days,
            notification_detail=settings.notification_detail,
            send_acknowledgement=settings.send_acknowledgement,
            map_tiles=bool(settings.map_tiles_url) and not has_basemap,
        ),
    )


def _init_contact(
    app: Flask, settings: Settings, clinic: Clinic, database: Database, notices: NoticeBoard
) -> InquiryService:
    contact.init_app(app, retention_days=settings.retention_days)
    secret_key = settings.secret_key.get_secret_value()
    add_to_index, console_url = None, ""
    if settings.staff_console == "on":
        from app.contact import search_index  # noqa: PLC0415  (not needed without)

        add_to_index = partial(search_index.add_to_index, database.keys)
        console_url = settings.staff_url
    return InquiryService(
        database,
        clinic,
        site_url=settings.site_url,
        submission_keys=SubmissionKeys(secret_key),
        staff_links=StaffLinks(secret_key, settings.site_url, console_url),
        current_notices=notices.lines,
        notification_detail=NotificationDetail(settings.notification_detail),
        send_acknowledgement=settings.send_acknowledgement,
        spam_filter_enabled=settings.spam_filter_enabled,
        add_to_index=add_to_index,
    )


def _init_staff_console(app: Flask, settings: Settings, clinic: Clinic, database: Database) -> None:
    from app.staff import console  # noqa: PLC0415  (loads Flask-Security)

    console.init_app(
        app,
        database,
        secret_key=settings.secret_key.get_secret_value(),
        name=clinic.name,
        host=settings.staff_host,
        url=settings.staff_url,
        secure=not settings.is_development,
    )
