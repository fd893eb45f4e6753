"""Fixtures for all tests. Most are implemented in tests/support.

CLOCK_AHEAD_DAYS=400 runs the tests with the clock of this process 400 days ahead. Other processes,
such as PostgreSQL, Chromium and sites started by tests, keep the real clock.
"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.clinic import Clinic, load_clinic
from app.database.migrations import get_alembic
from app.services import get_services
from config import ROOT, Settings
from tests.support.browser import browser, open_page, page
from tests.support.databases import (
    database_url,
    empty_database_url,
    empty_postgres_url,
    new_postgres_database,
    postgres,
    postgres_template,
    postgres_url,
    reused_postgres_database,
    sqlite_template,
    sqlite_url,
)
from tests.support.network import only_loopback
from tests.support.settings import NO_ENV_FILE, settings_for
from tests.support.shared_work import demo_pages_are_parsed_once, share_maps
from tests.support.site import server

__all__ = [
    "browser",
    "database_url",
    "demo_pages_are_parsed_once",
    "empty_database_url",
    "empty_postgres_url",
    "new_postgres_database",
    "only_loopback",
    "open_page",
    "page",
    "postgres",
    "postgres_template",
    "postgres_url",
    "reused_postgres_database",
    "server",
    "sqlite_template",
    "sqlite_url",
]


os.environ.update(NO_ENV_FILE)  # inherited by every process that a test starts


def pytest_configure(config: pytest.Config) -> None:
    """Move the clock before test modules are imported, because some read it at import."""
    if days := int(os.environ.get("CLOCK_AHEAD_DAYS", "0")):
        traveler = time_machine.travel(datetime.now(UTC) + timedelta(days=days))
        traveler.start()
        config.add_cleanup(traveler.stop)


@pytest.fixture(scope="session")
def clinic_dir() -> Path:
    """The demo clinic's folder."""
    return ROOT / "clinic"


@pytest.fixture(scope="session")
def clinic(clinic_dir: Path) -> Clinic:
    return load_clinic(clinic_dir)


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    return settings_for(tmp_path, DATABASE_URL=sqlite_url)


@pytest.fixture
def make_app(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Flask]]:
    """Create an app with settings: ``make_app(DATABASE_URL=…, RATELIMIT_ENABLED="true")``."""
    apps: list[Flask] = []

    def make(**env: str) -> Flask:
        if "CLINIC_DIR" not in env:
            share_maps(tmp_path)
        app = create_app(settings_for(tmp_path, **{"DATABASE_URL": sqlite_url, **env}))
        get_alembic(app)  # loaded by commands only; tests need it in the same process
        apps.append(app)
        return app

    yield make
    for app in apps:
        get_services(app).database.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """A development site on a migrated SQLite database."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
