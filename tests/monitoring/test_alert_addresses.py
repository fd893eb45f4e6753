"""Reports reach the services that people use, in time, and no address is shown."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from apprise.plugins.slack import NotifySlack

from app import http_calls
from app.monitoring.alert_addresses import AlertAddresses, Report, send_and_record
from config import ROOT, SettingsError
from tests.support.databases import sqlite_only
from tests.support.log import log
from tests.support.outbox import Outbox, outbox
from tests.support.settings import environment
from tests.support.webhook_receiver import DRIP, HANG, Receiver, receiver

__all__ = ["log", "outbox", "receiver"]

SITE = "https://clinic.example"
REPORT = Report(
    "critical",
    "[critical] Test Clinic: 1 message could not be delivered",
    f"What to do: `flask outbox list` shows why.\nundelivered, since 2026-07-01 12:00 UTC\n{SITE}",
)


@pytest.fixture
def other() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def test_each_kind_of_receiver_gets_the_report_in_its_own_form(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack itself, a service that takes Slack's form, ntfy, and plain JSON."""
    host = f"127.0.0.1:{receiver.server_port}"
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{host}/services")
    urls = [
        f"https://hooks.slack.com/services/T{'1' * 8}/B{'2' * 8}/{'s' * 24}",
        f"mmost://{host}/{'m' * 24}",
        f"ntfy://{host}/clinic-alerts",
        f"json://{host}/hook",
    ]
    assert set(AlertAddresses(urls, site=SITE).send(REPORT).values()) == {""}
    bodies = {call.path: call.body for call in receiver.calls}
    (slack,) = bodies[f"/services/T{'1' * 8}/B{'2' * 8}/{'s' * 24}"]["attachments"]
    assert (slack["title"], slack["text"]) == (REPORT.title, REPORT.text)
    assert REPORT.title in bodies[f"/hooks/{'m' * 24}"]["text"]
    assert bodies["/"]["topic"] == "clinic-alerts"
    assert (bodies["/"]["title"], bodies["/"]["message"]) == (REPORT.title, REPORT.text)
    plain = {name: bodies["/hook"][name] for name in ("title", "message", "type")}
    assert plain == {"title": REPORT.title, "message": REPORT.text, "type": "failure"}
    # Nothing makes a program that shows the report load something from another host.
    assert "github" not in str(receiver.bodies)


@pytest.mark.parametrize("severity", ["ok", "warning", "critical"])
def test_the_severity_is_told(receiver: Receiver, severity: str) -> None:
    AlertAddresses([receiver.alert_url], site=SITE).send(Report(severity, "x", "y"))
    types = {"ok": "success", "warning": "warning", "critical": "failure"}
    assert receiver.bodies[0]["type"] == types[severity]


@pytest.mark.parametrize("status", [302, 307, 308, 410, 500, HANG, DRIP])
def test_what_an_address_does_not_accept_in_time_is_named_and_the_others_get_the_report(
    receiver: Receiver, other: Receiver, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_calls, "DEADLINE", 1.0)
    receiver.status = status
    addresses = AlertAddresses([receiver.alert_url, other.alert_url], site=SITE)
    began = time.monotonic()
    problem = f"status {status}" if status > 0 else "timed out"
    assert addresses.send(REPORT) == {"address 1 (JSON)": problem, "address 2 (JSON)": ""}
    assert time.monotonic() - began < 3
    assert (len(receiver.calls), len(other.calls)) == (1, 1), "no redirect was followed"


def test_several_reports_in_a_row_do_not_wait_for_each_other(receiver: Receiver) -> None:
    addresses = AlertAddresses([f"mmost://127.0.0.1:{receiver.server_port}/{'m' * 24}"], site=SITE)
    began = time.monotonic()
    for _ in range(3):
        assert addresses.send(REPORT) == {"address 1 (Mattermost)": ""}
    assert time.monotonic() - began < 3


@sqlite_only
def test_no_address_is_logged_and_nothing_is_stored(
    receiver: Receiver,
    outbox: Outbox,
    log: StringIO,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))
    secret = receiver.alert_url.replace("json://", "json://user:hunter2@")
    urls = [secret, "json://user:hunter2@127.0.0.1:9/secret-path", f"{secret}?token=secret-path"]
    for status in (200, 500):
        receiver.status = status
        send_and_record(outbox.database, AlertAddresses(urls, site=SITE), REPORT)
    assert "status 500" in log.getvalue()
    assert "hunter2" not in log.getvalue()
    assert "secret-path" not in log.getvalue()
    assert list(home.iterdir()) == []


def test_addresses_that_apprise_cannot_use_are_numbered_and_not_shown(
    log: StringIO,
) -> None:
    urls = ["json://one.example", "slack://hunter2", "hunter2://x", "https://example.com/hunter2"]
    with pytest.raises(SettingsError) as raised:
        AlertAddresses(urls, site=SITE)
    assert str(raised.value).splitlines()[1].strip() == (
        "ALERT_URLS: Apprise cannot use address 2, 3, 4 of 4 (see docs/operating.md)"
    )
    assert "hunter2" not in log.getvalue()


def test_a_mailer_does_not_start_with_an_address_that_cannot_be_used(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment(tmp_path, ALERT_URLS="slack://hunter2")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 78
    assert "ALERT_URLS: Apprise cannot use address 1 of 1" in result.stderr
    assert "hunter2" not in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
