"""A site with a mail server, shared by the tests of a module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from app.services import get_services
from tests.contact.conftest import visitor_on_sqlite
from tests.support.contact_harness import ContactHarness
from tests.support.settings import settings_for
from tests.support.shared_work import share_maps
from tests.support.smtp_relay import Relay

__all__ = ["visitor_on_sqlite"]


@pytest.fixture(scope="module")
def shared_harness(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ContactHarness]:
    folder = tmp_path_factory.mktemp("front-desk")
    shutil.copy(sqlite_template, folder / "frontdesk.db")
    share_maps(folder)
    relay = Relay()
    app = create_app(
        settings_for(
            folder,
            DATABASE_URL=f"sqlite:///{folder}/frontdesk.db",
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=str(relay.port),
            MAIL_USE_TLS="false",
            MAIL_DEFAULT_SENDER="no-reply@clinic.example",
            SPAM_FILTER_ENABLED="false",
        )
    )
    yield ContactHarness(app, relay)
    get_services(app).database.engine.dispose()
    relay.close()


@pytest.fixture
def contact_harness(shared_harness: ContactHarness) -> ContactHarness:
    """The shared harness without any inquiries."""
    shared_harness.reset()
    return shared_harness
