"""Two real mailers on one database report an undelivered message once, within seconds."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from config import ROOT
from tests.contact.conftest import Visitor, visitor
from tests.support.databases import sqlite_only
from tests.support.settings import environment
from tests.support.site import eventually
from tests.support.smtp_relay import Relay, relay
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["receiver", "relay", "visitor"]

SEVERAL_CHECKS = 6.0  # seconds, in which each mailer checks at least once


@contextmanager
def mailer(env: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "mailer", "run"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **env},
            stderr=terminal,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def mailers(
    tmp_path: Path, database_url: str, relay: Relay, receiver: Receiver
) -> Iterator[Callable[[], str]]:
    """Two mailers with an alert channel; returns a function that reads their logs."""
    env = environment(
        tmp_path,
        DATABASE_URL=database_url,
        MAIL_PORT=str(relay.port),
        MAIL_USE_TLS="false",
        ALERT_URLS=receiver.alert_url,
        HEARTBEAT_URL=receiver.url + "/ping",
    )
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    with ExitStack() as stack:
        for log in logs:
            stack.enter_context(mailer(env, log))
        yield lambda: "".join(log.read_text() for log in logs)


@sqlite_only
def test_an_undelivered_message_is_reported_once_and_the_pings_stop(
    visitor: Visitor, mailers: Callable[[], str], relay: Relay, receiver: Receiver
) -> None:
    pings = eventually(lambda: [call for call in receiver.calls if call.method == "GET"])
    assert len(pings) == 1
    relay.script = {"rcpt": "550 no such mailbox"}
    visitor.send()
    eventually(lambda: relay.connections, what="a delivery attempt")
    began = time.monotonic()
    eventually(lambda: [call for call in receiver.calls if call.method == "POST"], what="an alert")
    assert time.monotonic() - began < 15
    time.sleep(SEVERAL_CHECKS)
    assert receiver.reports == [("undelivered", "firing", "critical")]
    assert "ada" not in str(receiver.bodies).lower()
    assert "secret-path" not in mailers()
