"""Metrics for Prometheus, and their token. On SQLite and on PostgreSQL."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.http_calls import CallResult
from app.monitoring.observations import POSTS, WEBSITE, record
from app.outbox.models import DeliveryAttempt
from app.outbox.send_errors import TransportFault
from app.services import get_services
from config import ROOT
from tests.contact.conftest import Visitor
from tests.monitoring.test_digest import DigestHarness
from tests.monitoring.test_health import NOWHERE
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.support.settings import environment

__all__ = ["outbox"]

TOKEN = "a-token-for-tests-only"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def watched(make_app: Callable[..., Flask], outbox: Outbox) -> Outbox:
    """An outbox on a site with METRICS_TOKEN."""
    url = outbox.database.engine.url.render_as_string(hide_password=False)
    outbox.app = make_app(DATABASE_URL=url, METRICS_TOKEN=TOKEN)
    get_services(outbox.app).database.now = lambda _session: outbox.now  # type: ignore[method-assign, assignment]
    return outbox


def scrape(app: Flask) -> dict[str, float]:
    """The samples of /metrics by name and labels: ``frontdesk_outbox_messages{state=dead}``."""
    response = app.test_client().get("/metrics", headers=BEARER)
    assert response.status_code == 200
    return as_numbers(response.text)


def as_numbers(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def attempt(outbox: Outbox, message: Any, outcome: str) -> None:
    with outbox.database.session() as session:
        times = {"started_at": outbox.now, "ended_at": outbox.now}
        session.add(DeliveryAttempt(outbox_message_id=message, owner="m", outcome=outcome, **times))


def test_without_a_token_there_is_no_metrics_page(make_app: Callable[..., Flask]) -> None:
    assert make_app().test_client().get("/metrics", headers=BEARER).status_code == 404


@sqlite_only
@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", TOKEN, f"Bearer {TOKEN}x", "ü"])
def test_a_wrong_token_gets_no_metrics(watched: Outbox, given: str) -> None:
    response = watched.app.test_client().get("/metrics", headers={"Authorization": given})
    assert response.status_code == 401
    assert "frontdesk_" not in response.text
    assert response.headers["Cache-Control"] == "no-store"


def test_without_a_token_the_prometheus_client_is_not_imported(tmp_path: Path) -> None:
    ask = (
        "import os, sys; from app import create_app\n"
        f"for token in ('', {TOKEN!r}):\n"
        "    os.environ['METRICS_TOKEN'] = token\n"
        "    create_app()\n"
        "    print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "True"]


def test_outbox_metrics(watched: Outbox) -> None:
    watched.add()
    watched.add(state="dead")
    watched.advance(minutes=16)
    watched.set_transport_failure(TransportFault.AUTHENTICATION)
    watched.now += timedelta(seconds=50)
    seen = scrape(watched.app)
    assert seen["frontdesk_database_up"] == 1
    assert seen["frontdesk_outbox_messages{state=pending}"] == 1
    assert seen["frontdesk_outbox_messages{state=dead}"] == 1
    assert seen["frontdesk_outbox_oldest_pending_message_age_seconds"] == 16 * 60 + 50
    assert seen["frontdesk_mailer_heartbeat_age_seconds"] == 50
    assert seen["frontdesk_mail_transport_unavailable{fault=authentication}"] == 1
    assert seen["frontdesk_mail_transport_unavailable{fault=connection}"] == 0
    assert seen["frontdesk_outbox_paused"] == 0


def test_what_refuses_inquiries_is_a_metric(watched: Outbox) -> None:
    seen = scrape(watched.app)
    assert seen["frontdesk_ready"] == 1
    problems = "website_down", "inquiries_refused", "certificate_ends"
    assert [seen[f"frontdesk_problem{{event={event}}}"] for event in problems] == [0, 0, 0]
    for _ in range(2):
        record(watched.database, WEBSITE, CallResult("status 503", watched.now))
        watched.advance(seconds=30)
    record(watched.database, POSTS, CallResult("refused"))
    seen = scrape(watched.app)
    assert [seen[f"frontdesk_problem{{event={event}}}"] for event in problems] == [1, 1, 1]


@sqlite_only
def test_refused_posts_are_counted(watched: Outbox) -> None:
    with watched.database.session() as session:
        session.connection().exec_driver_sql("ALTER TABLE inquiry RENAME TO gone")
    visitor = Visitor(watched.app)
    assert (visitor.send().status_code, visitor.call().status_code) == (503, 503)
    seen = scrape(watched.app)
    assert seen["frontdesk_ready"] == 0
    assert seen["frontdesk_http_requests_total{route=/contact,status=503}"] == 1
    assert seen["frontdesk_http_requests_total{route=/api/v1/inquiries,status=503}"] == 1


def test_inquiries_and_attempts_are_counted_once_at_any_age(
    watched: Outbox,
) -> None:
    harness, message = DigestHarness.__new__(DigestHarness), watched.add()
    harness.outbox = watched
    seen = []
    for reference in ("AAA-AAA", "BBB-BBB", "CCC-CCC"):
        harness.receive(reference)
        harness.receive(
            f"H{reference[1:]}", state="quarantined", quarantine_reasons="the hidden field"
        )
        attempt(watched, message, "missing key")
        seen.append(scrape(watched.app))
        watched.advance(minutes=3)
        seen.append(scrape(watched.app))
    counts = [
        (
            one["frontdesk_inquiries_total{state=received}"],
            one["frontdesk_inquiries_total{state=quarantined}"],
            one["frontdesk_delivery_attempts_total{outcome=missing_key}"],
        )
        for one in seen
    ]
    assert counts == [(n, n, n) for n in (1, 1, 2, 2, 3, 3)]


@sqlite_only
def test_quarantined_inquiries_are_counted(watched: Outbox) -> None:
    harness = DigestHarness.__new__(DigestHarness)
    harness.outbox = watched
    seen = scrape(watched.app)
    assert (
        seen["frontdesk_quarantine_inquiries"],
        seen["frontdesk_quarantine_oldest_inquiry_age_seconds"],
    ) == (0, 0)
    harness.receive("HHH-HHH", state="quarantined", quarantine_reasons="the hidden field")
    watched.advance(minutes=90)
    seen = scrape(watched.app)
    assert (
        seen["frontdesk_quarantine_inquiries"],
        seen["frontdesk_quarantine_oldest_inquiry_age_seconds"],
    ) == (1, 5400)


@sqlite_only
def test_counts_follow_the_rows_after_a_restore(watched: Outbox) -> None:
    message = watched.add()
    for _ in range(3):
        attempt(watched, message, "failed")
    assert scrape(watched.app)["frontdesk_delivery_attempts_total{outcome=failed}"] == 3
    with watched.database.session() as session:
        session.execute(sa.delete(DeliveryAttempt))
    attempt(watched, message, "failed")
    assert scrape(watched.app)["frontdesk_delivery_attempts_total{outcome=failed}"] == 1


def test_an_unreachable_database_is_a_metric(make_app: Callable[..., Flask]) -> None:
    seen = scrape(make_app(DATABASE_URL=NOWHERE, METRICS_TOKEN=TOKEN))
    assert seen["frontdesk_database_up"] == 0
    assert "frontdesk_outbox_oldest_pending_message_age_seconds" not in seen


@sqlite_only
def test_requests_are_counted_by_url_rule_not_by_path(watched: Outbox) -> None:
    client = watched.app.test_client()
    client.get("/")
    client.get("/")
    client.get("/contact/received/ADA-SEC")
    client.get("/ketamine-for-ada?name=ada")
    response = client.get("/metrics", headers=BEARER)
    assert "ada" not in response.text.lower().replace("adapt", "")
    seen = as_numbers(response.text)
    assert seen["frontdesk_http_requests_total{route=/,status=200}"] == 2
    assert seen["frontdesk_http_requests_total{route=(none),status=404}"] == 1
    assert seen["frontdesk_http_request_duration_seconds_count{route=/}"] == 2
    assert seen["frontdesk_http_request_duration_seconds_bucket{le=+Inf,route=/}"] == 2
