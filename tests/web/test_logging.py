"""The log shows what happened, without personal data."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.web.logging import JSONFormatter
from config import ROOT

Logged = Callable[[], list[dict[str, Any]]]


def test_a_request_leaves_one_line_without_path_query_body_or_address(
    site: Flask, logged: Logged
) -> None:
    response = site.test_client().post(
        "/letters?about=ketamine",
        data={"message": "my own words"},
        environ_base={"REMOTE_ADDR": "203.0.113.77"},
        headers={"X-Request-Id": "chosen-by-a-stranger"},
    )
    (line,) = logged()
    assert line["method"] == "POST"
    assert line["route"] == "/letters"
    assert line["status"] == 200
    assert line["ms"] >= 0
    assert line["request_id"] == response.headers["X-Request-Id"]
    for private in ("about", "my own words", "203.0.113", "chosen-by-a-stranger"):
        assert private not in str(line)


def test_a_rate_limited_post_does_not_log_the_address(site: Flask, logged: Logged) -> None:
    for _ in range(3):
        site.test_client().post("/letters", environ_base={"REMOTE_ADDR": "203.0.113.77"})
    lines = logged()
    assert lines[-1]["status"] == 429
    assert "203.0.113" not in str(lines)


def test_an_unexpected_error_is_logged_by_type_and_stack_without_its_message(
    site: Flask, logged: Logged
) -> None:
    response = site.test_client().get("/broken/the-secret?a=b")
    error, request = logged()
    assert "the-secret" not in str((error, request))
    assert error["error"] == "builtins.ValueError"
    assert "conftest.py" in error["at"][-1]
    assert error["level"] == "error"
    assert error["request_id"] == request["request_id"] == response.headers["X-Request-Id"]
    assert request["route"] == "/broken/<secret>"


def test_development_logs_the_message_too(make_site: Callable[..., Flask], logged: Logged) -> None:
    make_site(development=True).test_client().get("/broken/the-reason")
    assert logged()[0]["error_message"] == "the-reason"


def test_each_request_has_an_id_of_its_own(site: Flask) -> None:
    client = site.test_client()
    ids = {client.get("/no-such-page").headers["X-Request-Id"] for _ in range(10)}
    assert len(ids) == 10


def test_an_invented_method_is_not_logged(site: Flask, logged: Logged) -> None:
    site.test_client().open("/page", method="ADA-EXAMPLE")
    assert logged()[-1]["method"] == "(other)"


def test_the_console_format_is_plain_lines(
    make_site: Callable[..., Flask], capsys: pytest.CaptureFixture[str]
) -> None:
    client = make_site(log_format="console").test_client()
    client.get("/page?about=ketamine")
    client.get("/broken/the-secret")
    request, error, place, *_, last = capsys.readouterr().err.splitlines()
    assert "[INFO] frontdesk.access: request" in request
    assert "method=GET route=/page status=200 ms=" in request
    assert "[ERROR] app.web.error_handlers: unexpected error" in error
    assert "error=builtins.ValueError" in error
    assert place.startswith("    ")
    assert "method=GET route=/broken/<secret> status=500" in last
    assert "the-secret" not in f"{error}{place}{last}"


def test_of_an_unreviewed_library_only_the_place_is_logged(site: Flask, logged: Logged) -> None:
    assert site
    logging.getLogger("some.library").warning("cannot send to %s", "ada@example.com")
    (line,) = logged()
    assert "ada@example.com" not in str(line)
    assert "test_logging.py" in line["at"][0]


@pytest.mark.parametrize("message_text", ["Error handling request %s %s", "ada@example.com"])
def test_with_an_exception_gunicorn_does_not_log_the_requested_path(
    message_text: str,
) -> None:
    args = ("GET", "/contact?ada@example.com") if "%s" in message_text else ()
    message: object = message_text if args else ValueError(message_text)
    error = ValueError("ada@example.com")
    record = logging.LogRecord(
        "gunicorn.error", logging.ERROR, "", 0, message, args, (ValueError, error, None)
    )
    line = JSONFormatter().format(record)
    assert "ada@example.com" not in line
    assert "builtins.ValueError" in line


FAILURES = """
import logging, sys, threading, warnings
from flask import Flask
from app.web.logging import init_app, install_exception_hooks
init_app(Flask("frontdesk"), log_format="json", show_messages=False, observe=None)
install_exception_hooks()
marked = sys.argv[1]
thread = threading.Thread(target=int, args=[marked])
thread.start()
thread.join()
type("Odd", (), {"__del__": lambda self: int(marked)})()
warnings.warn(marked)
logging.getLogger("frontdesk").error("%d", marked)  # dropped, because it cannot be formatted
raise ValueError(marked)
"""


def test_uncaught_exceptions_and_warnings_are_logged_without_their_messages() -> None:
    """In a separate process, because Python's last-resort handlers print every message."""
    process = subprocess.run(
        [sys.executable, "-c", FAILURES, "MARKED-words"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "MARKED" not in process.stdout + process.stderr
    lines = [json.loads(line) for line in process.stderr.splitlines()]
    assert [line["logger"] for line in lines] == ["frontdesk.process"] * 4
