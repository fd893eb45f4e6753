"""A missing mailer is reported: in the web log, and by the next mailer. On both databases."""

import logging
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.clinic import Clinic
from app.database import Database
from app.monitoring.alert_addresses import AlertAddresses, send_and_record
from app.monitoring.alerts import alert_job
from app.monitoring.mailer_watch import MailerWatch
from app.outbox.heartbeat import Heartbeat
from app.outbox.models import MailerHeartbeat
from app.scheduler import run_if_due
from tests.monitoring.test_digest import DigestHarness
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.support.settings import environment
from tests.support.site import eventually, free_port, launch, stop_site
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["outbox", "receiver"]

ERROR = "no mailer has run"


class Stop(Exception):  # noqa: N818
    """Ends the thread's endless loop."""


def intervals(database: Database, count: int) -> list[float]:
    """The intervals in seconds between the first ``count`` checks of a web worker."""
    found: list[float] = []

    def sleep(seconds: float) -> None:
        found.append(seconds)
        if len(found) == count:
            raise Stop

    with pytest.raises(Stop):
        MailerWatch(database, sleep).run()
    return found


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def delete_mailers(outbox: Outbox) -> None:
    with outbox.database.session() as session:
        session.execute(sa.delete(MailerHeartbeat))


def test_a_site_with_a_mailer_logs_nothing(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.now += timedelta(seconds=90)
    assert intervals(outbox.database, 3) == [90.0, 90.0, 90.0]
    assert errors(caplog) == []


@sqlite_only
def test_a_missing_mailer_is_logged_at_the_start_and_every_five_minutes(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.now += timedelta(hours=3)
    assert intervals(outbox.database, 3) == [300.0, 300.0, 300.0]
    assert len(errors(caplog)) == 3
    assert errors(caplog)[0].startswith(f"{ERROR} for 3 h")


@sqlite_only
def test_a_mailer_is_missed_although_the_clock_was_set_back(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.now -= timedelta(hours=3)
    assert intervals(outbox.database, 1) == [300.0]
    assert errors(caplog)[0].startswith(f"{ERROR} for 3 h")


@sqlite_only
def test_on_a_new_site_the_mailer_has_90_seconds_to_start(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    delete_mailers(outbox)
    assert intervals(outbox.database, 1) == [90.0]
    assert errors(caplog) == []
    assert intervals(outbox.database, 2) == [90.0, 300.0]
    assert errors(caplog)[0].startswith(f"{ERROR} ever")


def start(outbox: Outbox) -> Heartbeat:
    heartbeat = Heartbeat(outbox.database, "two")
    heartbeat.record()
    return heartbeat


@sqlite_only
@pytest.mark.parametrize(
    ("after", "reported"), [({"seconds": 90}, False), ({"seconds": 91}, True), ({"days": 9}, True)]
)
def test_a_starting_mailer_reports_the_downtime(
    outbox: Outbox, receiver: Receiver, after: dict[str, float], *, reported: bool
) -> None:
    alerts = alert_job(
        outbox.database,
        partial(send_and_record, outbox.database, AlertAddresses([receiver.alert_url], site="x")),
        clinic="Test Clinic",
        site="https://clinic.example",
    )
    outbox.now += timedelta(**after)
    start(outbox)
    start(outbox)
    run_if_due(outbox.database, alerts)
    end = f"{outbox.now:%Y-%m-%d %H:%M}"
    title = f"[warning] Test Clinic: No mailer ran from 2026-07-01 12:00 to {end} UTC"
    assert [body["title"] for body in receiver.bodies] == ([title] if reported else [])


def test_the_next_digest_reports_the_downtime_in_the_clinics_time_zone(
    outbox: Outbox, clinic: Clinic
) -> None:
    start(outbox).record_stop()
    outbox.now += timedelta(minutes=90)
    start(outbox)
    harness = DigestHarness(outbox, clinic)
    assert harness.run()
    downtime = "No email was sent from Wednesday, July 1, 8:00 AM to Wednesday, July 1, 9:30 AM."
    (mail,) = harness.digests()
    assert downtime in mail.text
    assert downtime in mail.html
    assert harness.run(hours=25)
    assert "No email was sent" not in harness.digests()[-1].text


@pytest.fixture
def web_only(tmp_path: Path, sqlite_url: str) -> Iterator[tuple[str, Path]]:
    """The URL and the log of a site whose only mailer stopped long ago."""
    engine = sa.create_engine(sqlite_url)
    with engine.begin() as connection:
        old = {"owner": "one", "started_at": "2026-01-01", "heartbeat_at": "2026-01-01"}
        connection.execute(
            sa.text(
                "INSERT INTO mailer_heartbeat VALUES (:owner, :started_at, :heartbeat_at, NULL)"
            ),
            old,
        )
    engine.dispose()
    env = environment(tmp_path, DATABASE_URL=sqlite_url, PORT=str(free_port()), WEB_CONCURRENCY="1")
    command = [str(Path(sys.executable).parent / "gunicorn")]
    site = launch(tmp_path, command=command, **env)
    try:
        yield site.url, site.output
    finally:
        stop_site(site)


def test_gunicorn_without_a_mailer_logs_the_error_without_any_request(
    web_only: tuple[str, Path], make_app: Callable[..., Flask]
) -> None:
    url, log = web_only
    eventually(lambda: ERROR in log.read_text(), what="an error in the log")
    assert httpx.get(f"{url}/healthz/outbox", trust_env=False).status_code == 503
    for command in ("status", "doctor"):
        done = make_app().test_cli_runner().invoke(args=[command])
        assert done.exit_code == 1
        assert "No mailer has run for" in done.output
