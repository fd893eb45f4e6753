"""``make run`` by real processes: what it says, what it survives, what it leaves behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import httpx
import psutil
import pytest

from config import ROOT
from tests.support.site import Site, eventually, launch, running_site, stop_site

INQUIRY = {
    "name": "Ada Example",
    "email": "ada@example.com",
    "reply_by": "email",
    "topic": "general",
    "location": "quay",
}


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def site(instance: Path) -> Iterator[Site]:
    with running_site(instance) as site:
        yield site


def gone(site: Site) -> bool:
    return not site.processes()


def master(site: Site) -> psutil.Process:
    """Gunicorn's master, its oldest process."""
    return site.find("gunicorn")[0]


def inquire(site: Site, message: str) -> None:
    address = f"{site.url}/api/v1/inquiries"
    answer = httpx.post(address, json={**INQUIRY, "message": message}, timeout=20)
    assert answer.status_code == 201, answer.text


def banner(site: Site) -> dict[str, str]:
    """What is printed when the site answers, by its first word."""
    names = ("Clinic", "Site", "Mailbox", "Stop")
    words = (line.split(maxsplit=1) for line in site.lines)
    return {first: rest[0] for first, *rest in words if first in names and rest}


def test_the_banner_names_the_site_and_ctrl_c_leaves_nothing(instance: Path) -> None:
    make = ["make", "--assume-old=.venv/run.stamp", "run"]
    with running_site(instance, command=make) as site:
        mailbox = f"{site.url}/dev/mailbox"
        assert banner(site) == {"Site": site.url, "Mailbox": mailbox, "Stop": "Ctrl-C"}
        for path in ("/healthz", "/dev/mailbox"):
            assert httpx.get(site.url + path).status_code == 200
        eventually(site.mailer, what="a mailer runs")
        os.killpg(site.process.pid, signal.SIGINT)
        site.process.wait(60)
        eventually(lambda: gone(site), 2, "no process is left")
        assert not [line for line in site.lines if "Traceback" in line]


def test_keys_are_made_once_and_for_the_owner_alone(instance: Path) -> None:
    def keys() -> list[str]:
        return [(instance / name).read_text() for name in ("secret_key", "encryption_keys")]

    with running_site(instance):
        first = keys()
        modes = [
            (instance / name).stat().st_mode & 0o777 for name in ("secret_key", "encryption_keys")
        ]
        assert modes == [0o600, 0o600]
        assert instance.stat().st_mode & 0o077 == 0
    with running_site(instance):
        assert keys() == first


@pytest.mark.parametrize("seconds", [0.1, 0.8, 1.3])
def test_sigterm_while_it_starts_leaves_nothing(instance: Path, seconds: float) -> None:
    site = launch(instance)
    try:
        time.sleep(seconds)
        site.process.terminate()
        site.process.wait(60)
        eventually(lambda: gone(site), 5, "no process is left")
    finally:
        stop_site(site)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_or_a_closed_terminal_leaves_nothing(site: Site, number: int) -> None:
    eventually(site.mailer, what="a mailer runs")
    site.process.send_signal(number)
    assert site.process.wait(60) == 0
    eventually(lambda: gone(site), 5, "no process is left")


@pytest.mark.parametrize("word", ["gunicorn", "mailer", "app.dev.smtp_server"])
def test_when_one_process_dies_all_end(site: Site, word: str) -> None:
    eventually(site.mailer, what="a mailer runs")
    site.find(word)[0].kill()
    assert site.process.wait(60) != 0
    eventually(lambda: gone(site), 40, "no process is left")


def test_a_reload_leaves_the_site_answering(site: Site) -> None:
    before = {one.pid for one in site.find("gunicorn")}
    master(site).send_signal(signal.SIGHUP)
    eventually(
        lambda: not before & {one.pid for one in site.find("gunicorn")[1:]}, 20, "new workers"
    )
    assert httpx.get(f"{site.url}/healthz").status_code == 200


@pytest.mark.parametrize("variable", ["PORT", "MAILBOX_PORT"])
def test_a_port_that_is_taken_is_told_in_one_line(instance: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lines = fails(instance, env={variable: str(port)})
    assert len(lines) == 1
    assert f"127.0.0.1:{port}" in lines[0]
    assert f"{variable}={port + 1} make run" in lines[0]


def test_a_folder_that_cannot_be_written_is_told_in_one_line(instance: Path) -> None:
    instance.write_text("a file where the folder should be")
    [line] = fails(instance)
    assert str(instance) in line
    assert "INSTANCE_DIR=" in line


def test_a_port_that_is_no_number_is_told_in_one_line(instance: Path) -> None:
    assert fails(instance, env={"PORT": "eight"}) == [
        "PORT must be a number from 1 to 65535, not 'eight'."
    ]


def test_wrong_settings_are_all_told_and_nothing_is_started(instance: Path) -> None:
    wrong = {"DATABASE_URL": "mysql://", "SECRET_KEY": "short"}
    lines = fails(instance, 78, env=wrong)
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["SECRET_KEY", "DATABASE_URL"]


def test_a_migration_that_fails_stops_the_start_with_its_message(instance: Path) -> None:
    instance.mkdir()
    (instance / "frontdesk.db").write_text("this is not a database, not even an empty one")
    lines = fails(instance)
    assert "not a database" in lines[-1]
    assert not [line for line in lines if line.startswith("Traceback")]


def fails(instance: Path, status: int = 1, *, env: dict[str, str] | None = None) -> list[str]:
    """What the terminal shows of a start that ends by itself with ``status``."""
    site = launch(instance, command=None, **(env or {}))
    try:
        assert site.process.wait(60) == status
        assert gone(site)
        return site.lines
    finally:
        stop_site(site)


def test_an_inquiry_reaches_the_mailbox(site: Site) -> None:
    inquire(site, "Where do I park?")
    [mail] = eventually(site.messages, 15, "the mail arrives")
    assert mail["Reply-To"] == "ada@example.com"
    assert "Where do I park?" in mail.as_string()


def test_the_same_on_postgresql(instance: Path, empty_postgres_url: str) -> None:
    with running_site(instance, DATABASE_URL=empty_postgres_url) as site:
        inquire(site, "Where do I park?")
        [mail] = eventually(site.messages, 15, "the mail arrives")
        assert "Where do I park?" in mail.as_string()
    assert not (instance / "frontdesk.db").exists()


def test_mail_waits_for_a_stopped_mailbox_and_comes_once(instance: Path) -> None:
    with running_site(instance, MAILBOX="external") as site:
        assert "make mailbox" in banner(site)["Mailbox"]
        for number in range(5):
            inquire(site, f"Question {number}")
        eventually(lambda: "unavailable" in "".join(site.lines), 15, "an attempt meets no mailbox")
        with mailbox(site):
            mails = eventually(lambda: five_mails(site), 60, "five mails")
            time.sleep(3)
            assert len(site.messages()) == 5, "none twice"
        assert len({mail["Message-ID"] for mail in mails}) == 5


def five_mails(site: Site) -> list[EmailMessage] | None:
    mails = site.messages()
    return mails if len(mails) >= 5 else None


@contextmanager
def mailbox(site: Site) -> Iterator[None]:
    """What ``make mailbox`` runs."""
    command = [sys.executable, "-m", "app.dev.smtp_server", "--folder", str(site.maildir)]
    process = subprocess.Popen([*command, "--port", str(site.mailbox_port)], cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(20) == 0
