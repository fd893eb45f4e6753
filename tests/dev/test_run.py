"""``make run`` by real processes: what it says, what it survives, what it leaves behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import psutil
import pytest

from config import ROOT
from tests.support.site import Site, clean_up, eventually, launch, running

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
    with running(instance) as running_site:
        yield running_site


def gone(site: Site) -> bool:
    return not site.family()


def master(site: Site) -> psutil.Process:
    """Gunicorn's master: the guardian's parent."""
    [guardian] = eventually(lambda: site.find("guardian"), what="a guardian runs")
    parent = guardian.parent()
    assert parent is not None
    return parent


def inquire(site: Site, message: str) -> None:
    address = f"{site.url}/api/v1/inquiries"
    answer = httpx.post(address, json={**INQUIRY, "message": message}, timeout=20)
    assert answer.status_code == 201, answer.text


def test_three_lines_then_the_site_answers_and_ctrl_c_leaves_nothing(instance: Path) -> None:
    make = ["make", "--assume-old=.venv/run.stamp", "run"]
    with running(instance, command=make) as site:
        assert [line.split()[0] for line in site.lines] == ["Site", "Mailbox", "Stop"]
        assert site.url in site.lines[0]
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

    with running(instance):
        first = keys()
        modes = [
            (instance / name).stat().st_mode & 0o777 for name in ("secret_key", "encryption_keys")
        ]
        assert modes == [0o600, 0o600]
        assert instance.stat().st_mode & 0o077 == 0
    with running(instance):
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
        clean_up(site)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a killed parent")
def test_killing_the_supervisor_ends_everything(site: Site) -> None:
    eventually(site.mailer, what="a mailer runs")
    site.process.kill()
    site.process.wait()
    eventually(lambda: gone(site), 40, "no process is left")


def test_killing_gunicorn_ends_everything_with_its_status(site: Site) -> None:
    eventually(site.mailer, what="a mailer runs")
    master(site).kill()
    assert site.process.wait(60) == 128 + signal.SIGKILL
    eventually(lambda: gone(site), 40, "no process is left")


def test_a_killed_mailer_is_replaced_while_the_site_answers(site: Site) -> None:
    old = eventually(site.mailer, what="a mailer runs")
    old.kill()
    killed = time.monotonic()
    while not (new := site.mailer()) or new.pid == old.pid:
        assert httpx.get(f"{site.url}/healthz", timeout=5).status_code == 200
        assert time.monotonic() - killed < 5, "a new mailer within 5 s"
        time.sleep(0.05)


def test_a_killed_guardian_is_replaced_and_one_mailer_runs(site: Site) -> None:
    old_mailer = eventually(site.mailer, what="a mailer runs")
    [old] = site.find("guardian")
    old.kill()
    eventually(lambda: site.find("guardian") not in ([], [old]), 10, "a new guardian")
    eventually(lambda: not old_mailer.is_running(), 10, "the old mailer ends by itself")
    eventually(site.mailer, 10, "a new mailer")
    assert len(site.find("mailer")) == 1


def test_guardian_and_mailer_hold_nothing_of_the_web_but_its_memory(site: Site) -> None:
    mailer = eventually(site.mailer, what="a mailer runs")
    [guardian] = site.find("guardian")
    port = int(site.url.rpartition(":")[2])
    for one in (guardian, mailer):
        assert port not in [c.laddr.port for c in one.net_connections() if c.laddr]
        memory = one.memory_full_info()
        assert memory.uss < memory.rss / 2, "most is shared"
    assert master(site).num_threads() == 1, "a fork copies the locks of other threads"


def test_a_reload_leaves_one_mailer(site: Site) -> None:
    old = eventually(site.mailer, what="a mailer runs")
    master(site).send_signal(signal.SIGHUP)
    eventually(lambda: site.mailer() not in (None, old), 20, "the mailer is replaced")
    assert len(site.find("mailer")) == 1
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


def fails(instance: Path, status: int = 1, *, env: dict[str, str] | None = None) -> list[str]:
    """What the terminal shows of a start that ends by itself with ``status``."""
    site = launch(instance, command=None, **(env or {}))
    try:
        assert site.process.wait(60) == status
        assert gone(site)
        return site.lines
    finally:
        clean_up(site)


def test_an_inquiry_reaches_the_mailbox(site: Site) -> None:
    inquire(site, "Where do I park?")
    [mail] = eventually(site.mails, 15, "the mail arrives")
    assert mail["Reply-To"] == "ada@example.com"
    assert "Where do I park?" in mail.as_string()


def test_the_same_on_postgresql(instance: Path, empty_postgres_url: str) -> None:
    with running(instance, DATABASE_URL=empty_postgres_url) as site:
        inquire(site, "Where do I park?")
        [mail] = eventually(site.mails, 15, "the mail arrives")
        assert "Where do I park?" in mail.as_string()
    assert not (instance / "frontdesk.db").exists()


def test_mail_waits_for_a_stopped_mailbox_and_comes_once(site: Site) -> None:
    eventually(site.mailer, what="a mailer runs")
    mailbox_process(site).terminate()
    told = eventually(lambda: [line for line in site.lines if "mailbox stopped" in line], 5)
    assert "make mailbox" in told[0]
    for number in range(5):
        inquire(site, f"Question {number}")
    eventually(lambda: "relay down" in log(site), 15, "an attempt meets no mailbox")
    with mailbox_again(site):
        mails = eventually(lambda: five_mails(site), 60, "five mails")
        time.sleep(3)
        assert len(site.mails()) == 5, "none twice"
    assert len({mail["Message-ID"] for mail in mails}) == 5


def log(site: Site) -> str:
    return (site.instance / "frontdesk.log").read_text()


def five_mails(site: Site) -> list[EmailMessage] | None:
    mails = site.mails()
    return mails if len(mails) >= 5 else None


def mailbox_process(site: Site) -> psutil.Process:
    """The child of the supervisor that listens where the mailbox does."""
    [listening] = [
        one
        for one in site.family()
        if any(c.laddr.port == site.mailbox_port for c in one.net_connections() if c.laddr)
    ]
    return listening


class mailbox_again:  # noqa: N801  (read as a sentence)
    """What ``make mailbox`` does, until leaving."""

    def __init__(self, site: Site) -> None:
        self._command = [
            *(sys.executable, "-m", "app.dev.mailbox"),
            *("--folder", str(site.maildir), "--port", str(site.mailbox_port)),
        ]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        assert self._process.wait(20) == 0
