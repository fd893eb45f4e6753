"""Replayed submissions make no second inquiry and reveal nothing about the first."""

from collections.abc import Callable

from flask import Flask

from tests.contact.conftest import GOOD, Visitor


def test_repeated_form_is_one_inquiry_with_one_email(visitor_on_sqlite: Visitor) -> None:
    locations = {visitor_on_sqlite.send().location for _ in range(5)}
    assert (
        len(locations) == len(visitor_on_sqlite.inquiries()) == len(visitor_on_sqlite.mails()) == 1
    )


def test_guessed_key_reveals_and_blocks_nothing(visitor_on_sqlite: Visitor) -> None:
    """The sender learns that the key was used, but neither content nor reference."""
    first = visitor_on_sqlite.call(key="order-1").json
    assert first is not None
    guess = visitor_on_sqlite.call(key="order-1", message="What did they write?")
    assert guess.status_code == 422
    assert first["reference"] not in guess.text
    assert visitor_on_sqlite.call(key="order-1").json == first
    assert visitor_on_sqlite.call(key="order-2").status_code == 201


def test_key_of_another_network_is_another_key(make_app: Callable[..., Flask]) -> None:
    """A client that numbers its inquiries must not lose them to one that did so before."""
    app = make_app(TRUSTED_PROXIES="1")
    responses = [
        app.test_client().post(
            "/api/v1/inquiries",
            json={**GOOD, "email": f"{name}@example.com"},
            headers={"Idempotency-Key": "1", "X-Forwarded-For": address},
        )
        for name, address in (
            ("ada", "203.0.113.7"),
            ("bob", "198.51.100.7"),
            ("eve", "2001:db8:1::7"),
            ("ada", "203.0.113.9"),  # a retry from another machine of the first network
        )
    ]
    assert [response.status_code for response in responses] == [201] * 4
    references = [response.get_json()["reference"] for response in responses]
    assert len(set(references)) == 3
    assert references[3] == references[0]


def test_form_ignores_idempotency_keys(visitor_on_sqlite: Visitor) -> None:
    visitor_on_sqlite.call(key="order-1")
    visitor_on_sqlite.send(headers={"Idempotency-Key": "order-1"})
    assert len(visitor_on_sqlite.inquiries()) == 2


def test_similar_keys_are_different(visitor_on_sqlite: Visitor) -> None:
    keys = ("a", "A", "a%20", "a+", "../a", "a;", "'a'", "a\\", "%00", "=?utf-8?q?a?=")
    assert {visitor_on_sqlite.call(key=key).status_code for key in keys} == {201}
    assert len(visitor_on_sqlite.inquiries()) == len(keys)


def test_digests_reveal_neither_key_nor_content(
    visitor_on_sqlite: Visitor,
) -> None:
    """Digests are keyed: nobody can guess content from the database without SECRET_KEY."""
    from hashlib import sha256

    visitor_on_sqlite.call(key="order-1")
    (inquiry,) = visitor_on_sqlite.inquiries()
    digests = {inquiry.submission_key, inquiry.content_digest}
    content = inquiry.decrypt(visitor_on_sqlite.database.keys)
    assert content is not None
    for text in ("order-1", "client\0order-1", content.to_json(), f"words\0{content.to_json()}"):
        assert sha256(text.encode()).digest() not in digests


def test_received_page_shows_no_content(visitor_on_sqlite: Visitor) -> None:
    location = visitor_on_sqlite.send(name="Marked Name", message="Marked words").location
    page = visitor_on_sqlite.client.get(location)
    assert page.status_code == 200
    assert "Marked" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_form_that_is_shown_again_is_never_shared_but_survives_going_back(
    visitor_on_sqlite: Visitor,
) -> None:
    for failed in (visitor_on_sqlite.send(name=""), visitor_on_sqlite.send(message="x" * 300_000)):
        assert failed.status_code in (413, 422)
        assert failed.headers["Cache-Control"] == "private, no-cache"
