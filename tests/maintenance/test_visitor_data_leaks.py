"""Nothing that visitors send leaks into logs, health checks, metrics, alerts, digests,
command output, or in plain text into the files of the database.

A production site with a mailer, and a mail server that quotes what it refuses, receives
marked data in every field, header, query, path and method, valid and invalid. The data
does arrive where it should: in the front desk's email.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

from app.database import Database
from app.outbox.models import OutboxMessage
from app.scheduler import ScheduledJob
from app.services import get_services
from config import ROOT
from tests.support.settings import environment
from tests.support.site import Site, eventually, launch, stop_site
from tests.support.smtp_relay import Relay, relay
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["receiver", "relay"]

MARK = "wombatquartz"
PHONE = "212-555-0147"
ADDRESS, OTHER_ADDRESS = "203.0.113.77", "203.0.113.78"
MARKS = (MARK, PHONE, PHONE.replace("-", ""), ADDRESS)
TOKEN = "token-of-the-test-" + "x" * 20
HOST = "clinic.example"

FIELDS = {
    "name": f"Ada {MARK}",
    "email": f"{MARK}@example.com",
    "phone": PHONE,
    "reply_by": "phone",
    "voicemail_ok": "yes",
    "best_time": f"{MARK} mornings",
    "topic": "billing",
    "location": "quay",
    "message": f"About {MARK}.\r\nThank you",
}
HEADERS = {
    "Host": HOST,
    "X-Forwarded-For": f"{MARK}, {ADDRESS}",
    "X-Forwarded-Proto": "https",
    "User-Agent": f"{MARK}/1.0",
    "Referer": f"https://{MARK}.example/{MARK}",
    "Cookie": f"{MARK}={MARK}",
    "Accept-Language": MARK,
    "Idempotency-Key": f"{MARK}-key",
    "If-None-Match": f'"{MARK}"',
    "Authorization": f"Bearer {MARK}",
    f"X-{MARK}": MARK,
}
BROKEN = f"""
import warnings
from flask import request
from app.services import current_services, get_services
from wsgi import app

@app.route("/broken/<secret>", methods=["GET", "POST"])
def broken(secret):
    warnings.warn(secret)
    raise ValueError(secret, request.get_data(), "{MARK}")
"""


class Visited:
    """A running site, and everything that it has shown to others than the visitor."""

    def __init__(self, site: Site, app: Flask, relay: Relay, receiver: Receiver) -> None:
        self.site = site
        self.app = app
        self.database: Database = get_services(app).database
        self.relay = relay
        self.receiver = receiver
        self.http = httpx.Client(base_url=site.url, timeout=60, trust_env=False)
        self.shown: list[str] = []

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**HEADERS, **more.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **more)

    def keep_response(self, path: str, **headers: str) -> None:
        """Keep the response of ``path`` to another client."""
        answer = self.http.get(path, headers={"Host": HOST, **headers})
        self.shown.append(f"{path} {answer.headers} {answer.text}")

    def run(self, *command: str) -> None:
        """Keep the output of a command."""
        result = self.app.test_cli_runner().invoke(args=list(command))
        self.shown.append(f"{command} {result.output} {result.exception!r}")

    def change(self, *statements: str) -> None:
        with self.database.session() as session:
            for statement in statements:
                session.execute(sa.text(statement))


def arguments(rule: Rule) -> dict[str, Any]:
    numbers = {n for n, kind in rule._converters.items() if isinstance(kind, IntegerConverter)}
    return {
        name: 0 if name in numbers else MARK for name in rule.arguments - set(rule.defaults or ())
    }


def walk(visited: Visited) -> None:
    """Request each rule of the URL map with marked path, query, headers, body and method."""
    adapter = visited.app.url_map.bind(HOST)
    for rule in visited.app.url_map.iter_rules():
        with suppress(sa.exc.ArgumentError, ValueError):  # a converter that accepts few values
            path = adapter.build(rule.endpoint, arguments(rule), method=None)
        for method in sorted({*(rule.methods or ()), "DELETE", MARK.upper()}):
            query, body = {"q": MARK, MARK: ADDRESS}, {"content": f"{MARK}={MARK}"}
            answer = visited.ask(method, path, params=query, **(body if method == "POST" else {}))
            quotes_visitor = method == "POST" or answer.is_redirect  # shows the visitor's own input
            visited.shown.append("" if quotes_visitor else answer.text)
    for path in (f"/{MARK}", f"/static/{MARK}.css", f"/first-visit/{MARK}", f"//{MARK}/"):
        visited.shown.append(visited.ask("GET", path).text)


def write(visited: Visited) -> set[int]:
    """Post valid and invalid inquiries to form and API. Returns the statuses."""
    again = {**FIELDS, "message": f"Another question of {MARK}"}
    tries: list[dict[str, Any]] = [
        {"data": FIELDS},
        {"data": {**again, "honeypot": MARK}},
        {"data": {**FIELDS, "email": f"{MARK}@nowhere"}},
        # gunicorn closes the connection, because it does not read this body.
        {
            "data": {**FIELDS, "message": f"{MARK} " * 40_000},
            "headers": {"Connection": "close"},
        },
        {"data": FIELDS, "headers": {"Sec-Fetch-Site": "cross-site", "Origin": f"https://{MARK}"}},
        {"content": f"--{MARK}\r\n{MARK}", "headers": {"Content-Type": f"multipart/{MARK}"}},
    ]
    statuses = {visited.ask("POST", "/contact", **one).status_code for one in tries}
    api = "/api/v1/inquiries"
    fields = {**again, "voicemail_ok": True}
    for body in (fields, {**fields, MARK: MARK}, [MARK]):
        statuses.add(visited.ask("POST", api, json=body).status_code)
    wrong = {"Content-Type": f"application/{MARK}"}
    statuses.add(visited.ask("POST", api, content=MARK, headers=wrong).status_code)
    return statuses


def go_wrong(visited: Visited) -> set[int]:
    """Provoke an unavailable database, an unexpected error and the rate limit."""
    visited.change("ALTER TABLE inquiry RENAME TO away")
    other = {"X-Forwarded-For": OTHER_ADDRESS}  # not limited yet
    message = {**FIELDS, "message": f"{MARK}, away"}
    away = {visited.ask("POST", "/contact", data=message, headers=other)}
    away.add(visited.ask("GET", "/contact/received/K7R-4M2", params={"q": MARK}))
    for path in ("/healthz", "/readyz", "/healthz/outbox"):
        visited.keep_response(path)
    visited.change("ALTER TABLE away RENAME TO inquiry")
    broken = visited.ask("POST", f"/broken/{MARK}", data=FIELDS, params={"q": MARK})
    visited.shown.append(broken.text)
    many = [visited.ask("POST", "/contact", data={"name": f"{MARK} {n}"}) for n in range(12)]
    return {answer.status_code for answer in (*away, broken, *many)}


@pytest.fixture
def clinic_folder(tmp_path: Path) -> Path:
    """The demo clinic as a real one, with a digest that is due at once."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    for entry in (ROOT / "clinic").iterdir():
        (folder / entry.name).symlink_to(entry)
    file = folder / "clinic.toml"
    text = file.read_text(encoding="utf-8").replace("demo = true", "demo = false")
    file.unlink()
    file.write_text(text.replace("at = 07:30:00", "at = 00:00:00"), encoding="utf-8")
    return folder


@pytest.fixture
def production_settings(
    tmp_path: Path, database_url: str, clinic_folder: Path, relay: Relay, receiver: Receiver
) -> dict[str, str]:
    """The variables of a production site with all alerts and notifications turned on."""
    instance = tmp_path / "instance"
    instance.mkdir()
    return {
        **environment(instance),
        "APP_ENV": "production",
        "DATABASE_URL": database_url,
        "CLINIC_DIR": str(clinic_folder),
        "BASE_URL": f"https://{HOST}",
        "MAIL_PORT": str(relay.port),
        "MAIL_USE_TLS": "false",
        "MAIL_DEFAULT_SENDER": f"web@{HOST}",
        "SEND_ACKNOWLEDGEMENT": "true",
        "ALERT_URLS": receiver.alert_url,
        "HEARTBEAT_URL": receiver.url,
        "METRICS_TOKEN": TOKEN,
        "RATELIMIT_ENABLED": "true",
        "TRUSTED_PROXIES": "1",
    }


@pytest.fixture
def visited(
    make_app: Callable[..., Flask],
    production_settings: dict[str, str],
    relay: Relay,
    receiver: Receiver,
) -> Iterator[Visited]:
    app, instance = make_app(**production_settings), Path(production_settings["INSTANCE_DIR"])
    (instance.parent / "broken_site.py").write_text(BROKEN)
    with get_services(app).database.session() as session:
        now = get_services(app).database.now(session)
        session.add(ScheduledJob(name="digest", started_at=now - timedelta(days=2)))
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    command += ["--pythonpath", str(instance.parent), "broken_site:app"]
    site = launch(instance, command=command, **production_settings)
    mailing = [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run"]
    try:
        eventually(lambda: answers(site), what="the site answers")
        with site.output.open("ab") as log:
            mailer = subprocess.Popen(
                mailing,
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **production_settings},
                stderr=log,
            )
        visited = Visited(site, app, relay, receiver)
        yield visited
        visited.http.close()
        mailer.terminate()
        mailer.wait(30)
    finally:
        stop_site(site)


def answers(site: Site) -> bool:
    assert site.process.poll() is None, site.output.read_text()
    try:
        return httpx.get(f"{site.url}/healthz", headers={"Host": HOST}, trust_env=False).is_success
    except httpx.TransportError:
        return False


def finished(visited: Visited) -> bool:
    with visited.database.read_session() as session:
        states = session.scalars(sa.select(OutboxMessage.state)).all()
    return bool(states) and not {"pending", "sending"} & set(states)


def files_of(database: Database) -> Iterator[Path]:
    """Yield every file of the database."""
    if database.engine.dialect.name == "sqlite":
        file = Path(database.engine.url.database or "")
        yield from file.parent.glob(f"{file.name}*")
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        folder = Path(connection.scalar(sa.text("SHOW data_directory")) or "")
        own = "SELECT oid FROM pg_database WHERE datname = current_database()"
        oid = connection.scalar(sa.text(own))
        connection.execute(sa.text("CHECKPOINT"))
    places = (folder / "base" / str(oid), folder / "pg_wal", folder / "global")
    found = [*folder.glob("*log*"), *(one for place in places for one in place.rglob("*"))]
    yield from (one for one in found if one.is_file())


def find_marks(texts: dict[str, bytes]) -> list[str]:
    """Return the names of the texts that contain a mark, with its context."""
    return [
        f"{name}: {text[max(at - 200, 0) : at + 100]!r}"
        for name, text in texts.items()
        for mark in MARKS
        if (at := text.lower().find(mark.encode())) >= 0
    ]


def test_visitor_data_does_not_leak(visited: Visited) -> None:
    quoting = f"554 5.6.0 rejected: 'Billing question from Ada {MARK}', {PHONE}"
    visited.relay.script = {"dot": quoting}
    assert {303, 201, 422, 413, 403} <= write(visited)
    eventually(lambda: finished(visited), what="every email is refused")
    eventually(lambda: visited.receiver.reports, what="an alert is sent")
    visited.relay.script = {"rcpt": "550 5.1.1 <{recipient}>: no such user"}
    visited.run("outbox", "list")
    walk(visited)
    visited.http.headers["X-Forwarded-For"] = ADDRESS
    assert {503, 500, 429} <= go_wrong(visited)
    eventually(lambda: finished(visited), what="every email is refused")
    visited.relay.script = {}
    dead = "UPDATE outbox_message SET state = 'pending', due_at = queued_at WHERE state = 'dead'"
    visited.change(dead)
    eventually(lambda: len(visited.relay.received) >= 3, what="email arrives")
    eventually(lambda: finished(visited), what="every email is delivered")
    for path in ("/healthz", "/readyz", "/healthz/outbox"):
        visited.keep_response(path)
    visited.keep_response("/metrics", Authorization=f"Bearer {TOKEN}")
    for command in ("inquiries list", "outbox list --all", "outbox list --json", "keys list"):
        visited.run(*command.split())
    time.sleep(0.5)  # access log lines of cached pages come a moment later

    mails = b"".join(taken.content for taken in visited.relay.received)
    digests = [one for one in visited.relay.received if b"Daily summary" in one.content]
    log = visited.site.output.read_bytes()
    assert MARK.encode() in mails  # where they should be
    assert digests
    for text in (
        b'"inquiry received"',
        b'"message refused"',
        b"builtins.ValueError",
        b"UserWarning",
    ):
        assert text in log
    texts = {
        "log": log,
        "answers": "\n".join(visited.shown).encode(),
        "alerts": str([(one.body, one.headers) for one in visited.receiver.calls]).encode(),
        "digest": b"".join(one.content for one in digests),
        **{str(file): file.read_bytes() for file in files_of(visited.database)},
        **{str(one): one.read_bytes() for one in visited.site.instance.rglob("*") if one.is_file()},
    }
    assert find_marks(texts) == []
    assert any(b"billing" in text for name, text in texts.items() if name.startswith("/"))
    assert find_marks({"a control": f"Ada {MARK}".encode()}) != []
