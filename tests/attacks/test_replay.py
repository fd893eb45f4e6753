"""What was sent once and is sent again makes no second inquiry, and tells nothing of the first."""

from tests.contact.conftest import Visitor


def test_a_form_that_is_sent_again_is_one_inquiry_and_one_mail(visitor_on_sqlite: Visitor) -> None:
    places = {visitor_on_sqlite.send().location for _ in range(5)}
    assert len(places) == len(visitor_on_sqlite.inquiries()) == len(visitor_on_sqlite.mails()) == 1


def test_a_key_of_somebody_else_opens_nothing_and_stops_nothing(visitor_on_sqlite: Visitor) -> None:
    """Whoever guesses a key learns that it was used, and neither words nor reference."""
    first = visitor_on_sqlite.call(key="order-1").json
    assert first is not None
    guess = visitor_on_sqlite.call(key="order-1", message="What did they write?")
    assert guess.status_code == 422
    assert first["reference"] not in guess.text
    assert visitor_on_sqlite.call(key="order-1").json == first
    assert visitor_on_sqlite.call(key="order-2").status_code == 201


def test_a_key_means_nothing_at_the_other_door(visitor_on_sqlite: Visitor) -> None:
    visitor_on_sqlite.call(key="order-1")
    visitor_on_sqlite.send(headers={"Idempotency-Key": "order-1"})
    assert len(visitor_on_sqlite.inquiries()) == 2


def test_keys_that_look_alike_are_different_keys(visitor_on_sqlite: Visitor) -> None:
    keys = ("a", "A", "a%20", "a+", "../a", "a;", "'a'", "a\\", "%00", "=?utf-8?q?a?=")
    assert {visitor_on_sqlite.call(key=key).status_code for key in keys} == {201}
    assert len(visitor_on_sqlite.inquiries()) == len(keys)


def test_neither_key_nor_words_can_be_read_from_what_stands_in_clear(
    visitor_on_sqlite: Visitor,
) -> None:
    """Digests are keyed: nobody without SECRET_KEY can try words against the database."""
    from hashlib import sha256

    visitor_on_sqlite.call(key="order-1")
    (inquiry,) = visitor_on_sqlite.inquiries()
    digests = {inquiry.submission_key, inquiry.content_digest}
    words = inquiry.decrypt(visitor_on_sqlite.database.keys)
    assert words is not None
    for text in ("order-1", "client\0order-1", words.to_json(), f"words\0{words.to_json()}"):
        assert sha256(text.encode()).digest() not in digests


def test_a_received_page_shows_no_words(visitor_on_sqlite: Visitor) -> None:
    place = visitor_on_sqlite.send(name="Marked Name", message="Marked words").location
    page = visitor_on_sqlite.client.get(place)
    assert page.status_code == 200
    assert "Marked" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
