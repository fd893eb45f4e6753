"""The log says what happened and never who asked what."""

from collections.abc import Callable
from typing import Any

from flask import Flask

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


def test_a_refused_post_does_not_log_the_address(site: Flask, logged: Logged) -> None:
    for _ in range(3):
        site.test_client().post("/letters", environ_base={"REMOTE_ADDR": "203.0.113.77"})
    lines = logged()
    assert lines[-1]["status"] == 429
    assert "203.0.113" not in str(lines)


def test_an_unexpected_error_is_logged_by_type_and_place_without_its_message(
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


def test_a_developer_sees_the_message_too(make_site: Callable[..., Flask], logged: Logged) -> None:
    make_site(development=True).test_client().get("/broken/the-reason")
    assert logged()[0]["error_message"] == "the-reason"


def test_each_request_has_an_id_of_its_own(site: Flask) -> None:
    client = site.test_client()
    ids = {client.get("/page").headers["X-Request-Id"] for _ in range(10)}
    assert len(ids) == 10
