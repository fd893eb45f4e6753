"""Health checks. On SQLite and on PostgreSQL."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.database import key_check_values
from app.version import version
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox

__all__ = ["outbox"]

PATHS = ("/healthz", "/readyz", "/healthz/outbox")
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:9/none"


@pytest.fixture
def client(outbox: Outbox) -> FlaskClient:
    return outbox.app.test_client()


def state(response: TestResponse) -> tuple[int, str, list[str]]:
    body = response.json or {}
    return response.status_code, body["status"], [problem["event"] for problem in body["problems"]]


@sqlite_only
@pytest.mark.parametrize("path", PATHS)
def test_a_healthy_site_answers_200_and_is_not_cached(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


def test_health_checks_are_not_rate_limited(make_app: Callable[..., Flask]) -> None:
    client = make_app(RATELIMIT_ENABLED="true").test_client()
    assert client.get("/healthz").text == f"ok {version()}\n"
    assert {client.get("/healthz").status_code for _ in range(100)} == {200}


def test_outbox_health_has_statistics_without_personal_data(
    outbox: Outbox, client: FlaskClient
) -> None:
    outbox.add(reference="KKK-KKK", last_error="desk@clinic.example is full")
    outbox.advance(minutes=3)
    outbox.set_transport_failure("SMTPAuthenticationError: user desk")
    outbox.advance(seconds=10)
    response = client.get("/healthz/outbox")
    assert response.json == {
        "status": "critical",
        "problems": [
            {
                "event": "mail_transport",
                "severity": "critical",
                "title": "The mail server refuses our login",
            }
        ],
        "pending": 1,
        "oldest_pending_seconds": 190,
        "dead": 0,
        "heartbeat_age_seconds": 0,
        "transport_unavailable_since": "2026-07-01T12:03:00+00:00",
        "transport_fault": "authentication",
        "paused": False,
    }
    assert not any(word in response.text for word in ("desk", "KKK"))


@sqlite_only
@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (16, (200, "warning", ["delivery_delayed"])),
        (61, (503, "critical", ["delivery_delayed"])),
    ],
)
def test_waiting_email_is_a_warning_and_then_critical(
    outbox: Outbox, client: FlaskClient, minutes: int, expected: Any
) -> None:
    outbox.add()
    outbox.advance(minutes=minutes)
    assert state(client.get("/healthz/outbox")) == expected


@sqlite_only
def test_a_message_being_sent_counts_as_waiting(outbox: Outbox, client: FlaskClient) -> None:
    outbox.add(state="sending")
    outbox.advance(minutes=61)
    assert state(client.get("/healthz/outbox")) == (503, "critical", ["delivery_delayed"])


@sqlite_only
def test_an_undelivered_message_is_a_problem_until_it_is_cancelled(
    outbox: Outbox, client: FlaskClient
) -> None:
    outbox.add(state="dead")
    assert state(client.get("/healthz/outbox")) == (503, "critical", ["undelivered"])
    outbox.cancel_all()
    assert state(client.get("/healthz/outbox")) == (200, "ok", [])


@sqlite_only
@pytest.mark.parametrize(("seconds", "status"), [(91, 503), (-90, 200), (-3600, 503)])
def test_a_missing_mailer_is_a_problem(
    outbox: Outbox, client: FlaskClient, seconds: int, status: int
) -> None:
    """Also one whose last heartbeat is in the future, because the clock was set back."""
    outbox.now += timedelta(seconds=seconds)
    assert client.get("/healthz/outbox").status_code == status


@sqlite_only
def test_a_site_that_never_had_a_mailer_has_a_problem(
    make_app: Callable[..., Flask], database_url: str
) -> None:
    client = make_app(DATABASE_URL=database_url).test_client()
    assert state(client.get("/healthz/outbox")) == (503, "critical", ["mailer_down"])


def test_an_unreachable_database_is_a_503_in_json(make_app: Callable[..., Flask]) -> None:
    client = make_app(DATABASE_URL=NOWHERE).test_client()
    assert client.get("/healthz").status_code == 200
    assert state(client.get("/healthz/outbox")) == (503, "critical", ["database_down"])
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json == {"ready": False, "reason": "the database does not answer"}


def test_a_database_that_is_not_migrated_is_not_ready(
    make_app: Callable[..., Flask], empty_database_url: str
) -> None:
    response = make_app(DATABASE_URL=empty_database_url).test_client().get("/readyz")
    assert response.status_code == 503
    assert "not migrated" in response.text


def test_a_database_newer_than_the_code_is_not_ready(outbox: Outbox, client: FlaskClient) -> None:
    with outbox.database.session() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "newer than this code" in response.text


def test_a_missing_key_is_not_ready(
    outbox: Outbox, make_app: Callable[..., Flask], database_url: str, tmp_path: Path
) -> None:
    key_check_values.register_newest_key(outbox.database)
    other = make_app(DATABASE_URL=database_url, ENCRYPTION_KEYS=Fernet.generate_key().decode())
    response = other.test_client().get("/readyz")
    assert response.status_code == 503
    assert "key is missing" in response.text
    assert tmp_path.name not in response.text
