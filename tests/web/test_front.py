"""What is answered in front of Flask is what Flask would have answered."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from app.web.later import Later

PAGES = ("/", "/first-visit", "/after-your-infusion", "/evidence", "/questions", "/privacy",
         "/accessibility", "/location", "/contact", "/favicon.svg", "/static/css/map.css",
         "/healthz", "/no-such-page", "/sitemap.xml")  # fmt: skip
ENCODINGS = ("br", "gzip", "br;q=0.2, gzip;q=0.8", "br;q=0, gzip;q=0", "identity", "*", "x" * 300)
MORE: tuple[dict[str, str], ...] = (
    {"If-None-Match": "same"},
    {"If-None-Match": '"other", same'},
    {"If-None-Match": '"other"'},
    {"If-None-Match": "*"},
    {"If-Match": '"other"'},
    {"Range": "bytes=0-9"},
    {"If-Modified-Since": "Mon, 23 Nov 2099 15:46:44 GMT"},
    {"X-Forwarded-Proto": "https"},
    {"Host": "127.0.0.1:8000"},
)
QUESTIONS = [
    *({"Accept-Encoding": coding} for coding in ENCODINGS),
    *({"Accept-Encoding": "br", **more} for more in MORE),
]
Answer = tuple[int, list[tuple[str, str]], bytes]


@pytest.fixture
def ten_am() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(datetime(2026, 11, 2, 15, 0, 59, tzinfo=UTC), tick=False) as clock:
        yield clock


@pytest.fixture(params=[0, 1], ids=["no proxy", "a proxy"])
def warm(
    make_app: Callable[..., Flask], request: pytest.FixtureRequest, ten_am: object
) -> FlaskClient:
    """A client of a site whose pages are made in their smallest form and kept."""
    assert ten_am  # all in one minute: what is kept stays kept
    client = make_app(TRUSTED_PROXIES=str(request.param)).test_client()
    for _ in range(2):
        for path in PAGES:
            for coding in ENCODINGS:
                client.get(path, headers={"Accept-Encoding": coding})
        for thread in threading.enumerate():
            if "shrink" in thread.name:
                thread.join()
    return client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that came through to Flask."""
    paths: list[str] = []
    ask = Flask.full_dispatch_request

    def note(self: Flask) -> Any:
        from flask import request

        paths.append(request.path)
        return ask(self)

    monkeypatch.setattr(Flask, "full_dispatch_request", note)
    return paths


def plain(response: TestResponse) -> Answer:
    """All of an answer but the id of its request."""
    headers = [one for one in response.headers if one[0] != "X-Request-Id"]
    assert response.headers["X-Request-Id"]
    return response.status_code, sorted(headers), response.data


def of_flask(client: FlaskClient, **request: Any) -> Answer:
    """What Flask itself answers: a script name that is empty but for its slash leads there."""
    builder = EnvironBuilder(**request)
    environ = builder.get_environ()
    environ["SCRIPT_NAME"] = "/"
    return plain(TestResponse(*run_wsgi_app(client.application, environ), builder.get_request()))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_page_is_answered_as_by_flask(
    warm: FlaskClient, method: str, asked: list[str]
) -> None:
    """With every encoding and condition, by its status, headers and bytes."""
    from_the_front = 0
    for path in PAGES:
        tag = warm.get(path).headers.get("ETag", "")
        for request in QUESTIONS:
            headers = {name: value.replace("same", tag) for name, value in request.items()}
            asked.clear()
            front = plain(warm.open(path, method=method, headers=headers))
            from_the_front += not asked
            flask = of_flask(warm, path=path, method=method, headers=headers)
            assert front == flask, (path, headers)
    assert from_the_front > 0.5 * len(PAGES) * len(QUESTIONS)


def test_what_was_answered_once_needs_no_flask(client: FlaskClient, asked: list[str]) -> None:
    first, again = client.get("/privacy"), client.get("/privacy")
    assert again.data == first.data
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert asked == ["/privacy"]


@pytest.mark.parametrize(
    "address", ["/privacy?utm_source=x", "/static/css/map.css?v=0000000000", "/no-such-page"]
)
def test_nothing_is_kept_that_a_stranger_could_make_many_of(
    client: FlaskClient, asked: list[str], address: str
) -> None:
    for _ in range(3):
        client.get(address)
    assert len(asked) == 3


def test_a_file_under_the_name_of_its_bytes_is_kept(
    app: Flask, client: FlaskClient, asked: list[str]
) -> None:
    with app.test_request_context():
        address = app.jinja_env.globals["asset"]("css/map.css")  # type: ignore[operator]
    answers = [client.get(address) for _ in range(2)]
    assert asked == ["/static/css/map.css"]
    assert {one.headers["Cache-Control"] for one in answers} == {
        "public, max-age=31536000, immutable"
    }


def test_a_new_minute_asks_flask_again(
    app: Flask, ten_am: time_machine.Traveller, asked: list[str]
) -> None:
    client = app.test_client()
    client.get("/privacy")
    ten_am.shift(timedelta(seconds=1))
    client.get("/privacy")
    client.get("/privacy")
    assert len(asked) == 2


def test_a_kept_answer_leaves_the_same_line_in_the_log(
    site: Flask, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    client = site.test_client()
    first, again = client.get("/page"), client.get("/page")
    lines = logged()
    assert [line["request_id"] for line in lines] == [
        one.headers["X-Request-Id"] for one in (first, again)
    ]
    changing = ("time", "ms", "request_id")
    first_line, second_line = (
        {name: value for name, value in line.items() if name not in changing} for line in lines
    )
    assert first_line == second_line


def test_lines_written_later_are_whole_and_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = Later()
    for number in range(100):
        log.put(json.dumps({"number": number}) + "\n")
    log.write()
    numbers = [json.loads(line)["number"] for line in capsys.readouterr().err.splitlines()]
    assert numbers == list(range(100))
