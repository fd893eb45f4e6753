"""``flask mailer run --name`` in processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.outbox.models import OutboxMessage, State
from app.services import get_services
from config import ROOT
from tests.contact.conftest import Visitor, visitor
from tests.support.databases import sqlite_only
from tests.support.settings import environment
from tests.support.site import eventually
from tests.support.smtp_relay import HANG, Relay, relay

__all__ = ["relay", "visitor"]

Mailer = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def mailer(tmp_path: Path, database_url: str, relay: Relay) -> Iterator[Mailer]:
    """Start mailers with the given options; kill them afterwards."""
    env = environment(
        tmp_path, DATABASE_URL=database_url, MAIL_PORT=str(relay.port), MAIL_USE_TLS="false"
    )
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run", *options],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **env},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=30)


def state(visitor: Visitor) -> str | None:
    database = get_services(visitor.client.application).database
    with database.read_session() as session:
        found: str | None = session.scalar(sa.select(OutboxMessage.state))
        return found


@sqlite_only
def test_a_named_mailer_runs_once_and_resumes_what_it_was_sending_when_killed(
    visitor: Visitor, mailer: Mailer, relay: Relay
) -> None:
    relay.script = {"rcpt": HANG}
    visitor.send()
    killed = mailer("--name", "one")
    eventually(lambda: relay.hits["rcpt"], what="the mail is being sent")
    second = mailer("--name", "one")
    _, errors = second.communicate(timeout=30)
    assert second.returncode == 1
    assert "-one is already running. Choose another --name" in errors
    assert state(visitor) == State.SENDING, "the second mailer released no lease"
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    assert state(visitor) == State.SENDING
    relay.script = {}
    mailer("--name", "one")
    eventually(lambda: state(visitor) == State.DELIVERED, 20, "the mail is delivered")
    assert len(relay.received) == 1


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 61, "two words"])
def test_an_invalid_name_is_refused(app: Flask, name: str) -> None:
    result = app.test_cli_runner().invoke(args=["mailer", "run", "--name", name])
    assert result.exit_code == 2
    assert "--name" in result.output
