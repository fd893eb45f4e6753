"""The contact API. On SQLite and on PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.contact.conftest import GOOD, Visitor

PROBLEM = "application/problem+json"


def test_a_good_inquiry_gets_a_reference_and_the_time(visitor: Visitor) -> None:
    answer = visitor.call(voicemail_ok=True)
    assert answer.status_code == 201
    (inquiry,) = visitor.inquiries()
    assert answer.json == {
        "reference": inquiry.reference,
        "received_at": inquiry.created_at.isoformat(timespec="milliseconds")[:-6] + "Z",
    }
    assert len(visitor.mails()) == 1


def test_both_doors_have_the_same_rules(visitor: Visitor) -> None:
    answer = visitor.client.post("/api/v1/inquiries", json={})
    assert answer.status_code == 422
    assert answer.content_type == PROBLEM
    assert answer.json is not None
    assert answer.json["errors"] == [
        {"pointer": "#/name", "detail": "Enter your name"},
        {
            "pointer": "#/email",
            "detail": "Enter an email address in the correct format, like name@example.com",
        },
        {"pointer": "#/topic", "detail": "Choose what your message is about"},
        {"pointer": "#/location", "detail": "Choose a location"},
        {"pointer": "#/message", "detail": "Enter your message"},
    ]


def test_a_retry_with_the_same_key_gets_the_same_reference(visitor: Visitor) -> None:
    answers = [visitor.call(key="retry-1").json for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(visitor.inquiries()) == len(visitor.mails()) == 1


def test_two_keys_are_two_inquiries_even_with_the_same_words(visitor: Visitor) -> None:
    assert visitor.call(key="one").json != visitor.call(key="two").json


def test_a_key_used_for_other_words_is_refused(visitor: Visitor) -> None:
    visitor.call(key="one")
    answer = visitor.call(key="one", message="Something else")
    assert answer.status_code == 422
    assert answer.content_type == PROBLEM
    assert len(visitor.inquiries()) == 1


def test_without_a_key_the_same_words_are_one_inquiry_for_ten_minutes(visitor: Visitor) -> None:
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
def test_what_is_no_json_object_is_a_400(visitor_on_sqlite: Visitor, body: bytes) -> None:
    answer = visitor_on_sqlite.client.post(
        "/api/v1/inquiries", data=body, content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.content_type == PROBLEM


@pytest.mark.parametrize("wrong", [3, None, ["a"], {"a": "b"}, True, "\ud800"], ids=repr)
def test_a_member_of_the_wrong_kind_is_named(visitor_on_sqlite: Visitor, wrong: Any) -> None:
    answer = visitor_on_sqlite.call(name=wrong)
    assert answer.status_code == 422
    assert answer.json is not None
    assert [error["pointer"] for error in answer.json["errors"]] == ["#/name"]


@pytest.mark.parametrize("name", ["honeypot", "token", "Name", "a/b~c", "\ud800"])
def test_an_unknown_member_is_named(visitor_on_sqlite: Visitor, name: str) -> None:
    answer = visitor_on_sqlite.call(**{name: "x"})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["errors"][0]["detail"] == "Is not a known field"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_a_415(visitor_on_sqlite: Visitor, kind: str) -> None:
    answer = visitor_on_sqlite.client.post("/api/v1/inquiries", data=b"{}", content_type=kind)
    assert answer.status_code == 415
    assert answer.content_type == PROBLEM


def test_too_large_a_body_is_a_413(visitor_on_sqlite: Visitor) -> None:
    answer = visitor_on_sqlite.call(message="x" * 300_000)
    assert answer.status_code == 413
    assert answer.content_type == PROBLEM


@pytest.mark.parametrize("key", ["", "two words", "ü", "x" * 256])
def test_a_malformed_key_is_refused(visitor_on_sqlite: Visitor, key: str) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = visitor_on_sqlite.client.post("/api/v1/inquiries", json=GOOD, headers=headers)
    assert answer.status_code == 400


def test_too_many_calls_are_a_429_with_the_time_to_wait(make_app: Callable[..., Flask]) -> None:
    visitor = Visitor(make_app(RATELIMIT_ENABLED="true"))
    answers = [visitor.call(key=str(number)) for number in range(11)]
    assert answers[-1].status_code == 429
    assert answers[-1].content_type == PROBLEM
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_without_a_database_a_503_says_not_saved(make_app: Callable[..., Flask]) -> None:
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    answer = Visitor(app).call()
    assert answer.status_code == 503
    assert answer.content_type == PROBLEM
    assert "not saved" in answer.text


def test_the_openapi_document_describes_what_is_accepted(visitor_on_sqlite: Visitor) -> None:
    described = visitor_on_sqlite.client.get("/api/openapi.json").json
    assert described is not None
    assert described["openapi"] == "3.1.0"
    schema = described["components"]["schemas"]["Inquiry"]
    assert schema["required"] == ["name", "email", "topic", "location", "message"]
    assert schema["properties"]["topic"]["enum"] == [
        "general", "appointments", "billing", "directions",
    ]  # fmt: skip


def test_people_can_read_about_the_api_and_its_example_works(visitor_on_sqlite: Visitor) -> None:
    import html
    import re

    page = visitor_on_sqlite.client.get("/api/").text
    example = re.search(r"<code>POST.*?(\{.*?\})</code>", page, re.DOTALL)
    assert example
    answer = visitor_on_sqlite.client.post(
        "/api/v1/inquiries",
        data=html.unescape(example[1]),
        content_type="application/json",
    )
    assert answer.status_code == 201
