"""The inquiry API, on SQLite and PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.contact.conftest import GOOD, REQUIRED, Visitor
from tests.support.databases import sqlite_only

PROBLEM = "application/problem+json"


def test_valid_inquiry_returns_reference_and_time(visitor: Visitor) -> None:
    response = visitor.call(voicemail_ok=True)
    assert response.status_code == 201
    (inquiry,) = visitor.inquiries()
    assert response.json == {
        "reference": inquiry.reference,
        "received_at": inquiry.created_at.isoformat(timespec="milliseconds")[:-6] + "Z",
    }
    assert len(visitor.mails()) == 1


@sqlite_only
def test_api_and_form_have_the_same_rules(visitor: Visitor) -> None:
    response = visitor.client.post("/api/v1/inquiries", json={})
    assert response.status_code == 422
    assert response.content_type == PROBLEM
    assert response.json is not None
    assert response.json["errors"] == [
        {"pointer": "#/name", "detail": "Enter your name"},
        {
            "pointer": "#/email",
            "detail": "Enter an email address in the correct format, like name@example.com",
        },
        {"pointer": "#/topic", "detail": "Choose what your message is about"},
        {"pointer": "#/location", "detail": "Choose a location"},
        {"pointer": "#/message", "detail": "Enter your message"},
    ]


def test_retry_with_same_key_returns_same_reference(visitor: Visitor) -> None:
    responses = [visitor.call(key="retry-1").json for _ in range(3)]
    assert responses[0] == responses[1] == responses[2]
    assert len(visitor.inquiries()) == len(visitor.mails()) == 1


@sqlite_only
def test_same_content_with_different_keys_is_two_inquiries(visitor: Visitor) -> None:
    assert visitor.call(key="one").json != visitor.call(key="two").json


def test_key_reused_for_other_content_is_refused(visitor: Visitor) -> None:
    visitor.call(key="one")
    response = visitor.call(key="one", message="Something else")
    assert response.status_code == 422
    assert response.content_type == PROBLEM
    assert len(visitor.inquiries()) == 1


@sqlite_only
def test_same_content_without_a_key_is_one_inquiry(visitor: Visitor) -> None:
    assert visitor.call().json == visitor.call().json


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"name": "a", "name": "b"}',
        b"[" * 90_000,
        b'{"name": NaN}',
    ],
)
def test_body_that_is_not_a_json_object_returns_400(
    visitor_on_sqlite: Visitor, body: bytes
) -> None:
    response = visitor_on_sqlite.client.post(
        "/api/v1/inquiries", data=body, content_type="application/json"
    )
    assert response.status_code == 400
    assert response.content_type == PROBLEM


@pytest.mark.parametrize("wrong", [3, None, ["a"], {"a": "b"}, True, "\ud800"], ids=repr)
def test_member_of_wrong_type_is_named(visitor_on_sqlite: Visitor, wrong: Any) -> None:
    response = visitor_on_sqlite.call(name=wrong)
    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"] for error in response.json["errors"]] == ["#/name"]


@pytest.mark.parametrize("name", ["honeypot", "token", "Name", "a/b~c", "\ud800"])
def test_unknown_member_is_named(visitor_on_sqlite: Visitor, name: str) -> None:
    response = visitor_on_sqlite.call(**{name: "x"})
    assert response.status_code == 422
    assert response.json is not None
    assert response.json["errors"][0]["detail"] == "Unknown field"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_content_type_returns_415(visitor_on_sqlite: Visitor, kind: str) -> None:
    response = visitor_on_sqlite.client.post("/api/v1/inquiries", data=b"{}", content_type=kind)
    assert response.status_code == 415
    assert response.content_type == PROBLEM


def test_too_large_body_returns_413(visitor_on_sqlite: Visitor) -> None:
    response = visitor_on_sqlite.call(message="x" * 300_000)
    assert response.status_code == 413
    assert response.content_type == PROBLEM


@pytest.mark.parametrize("key", ["", "two words", "ü", "x" * 256])
def test_malformed_key_returns_400(visitor_on_sqlite: Visitor, key: str) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    response = visitor_on_sqlite.client.post("/api/v1/inquiries", json=GOOD, headers=headers)
    assert response.status_code == 400


def test_rate_limit_returns_429_with_retry_after(make_app: Callable[..., Flask]) -> None:
    visitor = Visitor(make_app(RATELIMIT_ENABLED="true"))
    responses = [visitor.call(key=str(number)) for number in range(11)]
    assert responses[-1].status_code == 429
    assert responses[-1].content_type == PROBLEM
    assert int(responses[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize(("key", "status"), [("", 503), ("ä", 400)])
def test_problems_keep_the_crisis_lines(
    make_app: Callable[..., Flask], key: str, status: int
) -> None:
    visitor = Visitor(make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none"))
    response = visitor.call(key, message="I want to kill myself")
    assert response.status_code == status
    assert response.json
    assert response.json["crisis_lines"]


def test_api_without_database_returns_503_not_saved(make_app: Callable[..., Flask]) -> None:
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    response = Visitor(app).call()
    assert response.status_code == 503
    assert response.content_type == PROBLEM
    assert "not saved" in response.text


def test_openapi_document_has_required_fields_and_topics(visitor_on_sqlite: Visitor) -> None:
    described = visitor_on_sqlite.client.get("/api/openapi.json").json
    assert described is not None
    assert described["openapi"] == "3.1.0"
    schema = described["components"]["schemas"]["Inquiry"]
    assert schema["required"] == list(REQUIRED)
    assert schema["properties"]["topic"]["enum"] == [
        "general", "appointments", "billing", "directions",
    ]  # fmt: skip


def test_example_on_the_api_page_is_accepted(visitor_on_sqlite: Visitor) -> None:
    import html
    import re

    page = visitor_on_sqlite.client.get("/api/").text
    example = re.search(r"<code>POST.*?(\{.*?\})</code>", page, re.DOTALL)
    assert example
    response = visitor_on_sqlite.client.post(
        "/api/v1/inquiries",
        data=html.unescape(example[1]),
        content_type="application/json",
    )
    assert response.status_code == 201
