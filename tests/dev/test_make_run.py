"""``make run`` in real processes: its output, its errors and its cleanup.

Each test that starts a whole site takes many seconds, so there are few of them.
"""

import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from app.dev.run import DevelopmentSite
from tests.contact.conftest import GOOD
from tests.support.site import Site, eventually, flask, launch, running_site, stop_site

INQUIRY = {**GOOD, "topic": "general", "message": "Where do I park?"}


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


def stopped(site: Site) -> bool:
    return not site.processes()


def startup_message(site: Site) -> dict[str, str]:
    """Return the lines that are printed when the site accepts requests, by their first word."""
    names = ("Clinic", "Site", "Mailbox", "Console", "Stop")
    split_lines = (line.split(maxsplit=1) for line in site.lines)
    return {first: rest[0] for first, *rest in split_lines if first in names and rest}


def test_the_terminal_names_the_site_and_ctrl_c_stops_all_processes(instance: Path) -> None:
    make = ["make", "--assume-old=.venv/run.stamp", "run"]
    with running_site(instance, make, SAMPLE_INQUIRIES="on") as site:
        mailbox = f"{site.url}/dev/mailbox"
        console = f"{site.url.replace('127.0.0.1', 'localhost')}/staff/"
        assert startup_message(site) == {
            "Site": site.url,
            "Mailbox": mailbox,
            "Console": f"{console} (make invite EMAIL=you@…)",
            "Stop": "Ctrl-C",
        }
        invitation = flask(site, "staff", "invite", "a@b.example", "--role", "desk")
        assert f" {console}welcome/" in invitation
        for path in ("/healthz", "/dev/mailbox"):
            assert httpx.get(site.url + path).status_code == 200
        eventually(site.mailer, what="a mailer runs")
        eventually(lambda: len(site.messages()) == 2, what="emails of the sample inquiries")
        assert [mail for mail in site.messages() if "Please read now" in mail["Subject"]]
        os.killpg(site.process.pid, signal.SIGINT)  # make itself ends with another status
        site.process.wait(60)
        eventually(lambda: stopped(site), 2, "all processes have stopped")
        assert not [line for line in site.lines if "Traceback" in line]


def test_samples_are_for_the_first_run_of_the_demo_and_never_reach_a_mail_server(
    instance: Path,
) -> None:
    variables = {"INSTANCE_DIR": str(instance)}
    assert wants_samples(variables)
    for others in (
        {"MAIL_SERVER": "mail.clinic.example"},
        {"CLINIC_DIR": "my-clinic"},
        {"SAMPLE_INQUIRIES": "off"},
    ):
        assert not wants_samples(variables | others)
    (instance / "mailbox").mkdir(parents=True)  # it has run before
    assert not wants_samples(variables)


def wants_samples(variables: dict[str, str]) -> bool:
    return DevelopmentSite.from_env(variables).wants_samples(variables)


def test_keys_are_created_once_and_readable_by_the_owner_only(instance: Path) -> None:
    files = [instance / name for name in ("secret_key", "encryption_keys")]
    contents = []
    for _ in range(2):
        output_of_failed_start(instance, 78, env={"DATABASE_URL": "mysql://"})
        contents.append([file.read_text() for file in files])
    assert contents[0] == contents[1]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert instance.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("seconds", [0.1, 1.3])
def test_sigterm_during_startup_stops_all_processes(instance: Path, seconds: float) -> None:
    site = launch(instance)
    try:
        time.sleep(seconds)
        site.process.terminate()
        site.process.wait(60)
        eventually(lambda: stopped(site), 5, "all processes have stopped")
    finally:
        stop_site(site)


def test_when_one_process_dies_all_stop(instance: Path) -> None:
    """Gunicorn is the hardest case: its workers have to notice that it is gone."""
    with running_site(instance) as site:
        site.find("gunicorn")[0].kill()
        assert site.process.wait(60) != 0
        eventually(lambda: stopped(site), 40, "all processes have stopped")


def test_the_site_responds_after_a_reload(server: Site) -> None:
    before = {process.pid for process in server.find("gunicorn")}
    server.find("gunicorn")[0].send_signal(signal.SIGHUP)  # the oldest is gunicorn's master
    eventually(
        lambda: not before & {process.pid for process in server.find("gunicorn")[1:]},
        20,
        "new workers",
    )
    assert httpx.get(f"{server.url}/healthz").status_code == 200


@pytest.mark.parametrize("variable", ["PORT", "MAILBOX_PORT"])
def test_a_port_in_use_is_reported_in_one_line(instance: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        lines = output_of_failed_start(instance, env={variable: str(port)})
    assert len(lines) == 1
    assert f"127.0.0.1:{port}" in lines[0]
    assert f"{variable}={port + 1} make run" in lines[0]


def test_a_folder_that_is_not_writable_is_reported_in_one_line(instance: Path) -> None:
    instance.write_text("a file where the folder should be")
    [line] = output_of_failed_start(instance)
    assert str(instance) in line
    assert "INSTANCE_DIR=" in line


def test_an_invalid_port_number_is_reported_in_one_line(instance: Path) -> None:
    assert output_of_failed_start(instance, env={"PORT": "eight"}) == [
        "PORT must be a number from 1 to 65535, not 'eight'."
    ]


def test_a_host_that_cannot_exist_is_reported_in_one_line(instance: Path) -> None:
    [line] = output_of_failed_start(instance, env={"HOST": "ä" * 64})
    assert "not a host name" in line


def test_all_invalid_settings_are_reported_and_nothing_starts(instance: Path) -> None:
    invalid = {"DATABASE_URL": "mysql://", "SECRET_KEY": "short"}
    lines = output_of_failed_start(instance, 78, env=invalid)
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["SECRET_KEY", "DATABASE_URL"]


def test_a_failed_migration_stops_the_start_with_its_message(instance: Path) -> None:
    instance.mkdir()
    (instance / "frontdesk.db").write_text("this is not a database, not even an empty one")
    lines = output_of_failed_start(instance)
    assert "not a database" in lines[-1]
    assert not [line for line in lines if line.startswith("Traceback")]


def output_of_failed_start(
    instance: Path, status: int = 1, *, env: dict[str, str] | None = None
) -> list[str]:
    """Return the terminal output of a start that exits with ``status``."""
    site = launch(instance, command=None, **(env or {}))
    try:
        assert site.process.wait(60) == status
        assert stopped(site)
        return site.lines
    finally:
        stop_site(site)


def test_an_inquiry_reaches_the_mailbox_on_postgresql_and_a_closed_terminal_stops_all_processes(
    instance: Path, empty_postgres_url: str
) -> None:
    with running_site(instance, DATABASE_URL=empty_postgres_url) as site:
        response = httpx.post(f"{site.url}/api/v1/inquiries", json=INQUIRY, timeout=20)
        assert response.status_code == 201, response.text
        [message] = eventually(site.messages, 15, "the message is received")
        assert message["Reply-To"] == INQUIRY["email"]
        assert INQUIRY["message"] in message.as_string()
        site.process.send_signal(signal.SIGHUP)
        assert site.process.wait(60) == 0
        eventually(lambda: stopped(site), 5, "all processes have stopped")
    assert not (instance / "frontdesk.db").exists()
