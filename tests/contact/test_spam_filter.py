"""The spam filter: scoring, quarantine, counts of recent inquiries."""

import dataclasses
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.clinic.models import SpamFilter, SpamWeights
from app.contact.spam.recent_submissions import clear_spam_digests
from app.contact.spam.scoring import SpamScore, SpamSignals, score_spam
from tests.contact.conftest import GOOD, INQUIRY, Visitor
from tests.support.databases import sqlite_only

PLAIN = "Do you take checks? My insurer is at https://www.aetna.com"
SPAM = "We sell backlinks and guest posts that put you on the first page of Google."
LONG = "Is there a parking space for a van with a lift, and how wide is it?"


def scored(spam_filter: SpamFilter | None = None, **changed: Any) -> SpamScore:
    """The score of PLAIN with ``changed`` fields and signals."""
    given = {"message": PLAIN, **changed}
    fields = {name: given.pop(name) for name in list(given) if hasattr(INQUIRY, name)}
    inquiry = dataclasses.replace(INQUIRY, **fields)
    return score_spam(inquiry, SpamSignals(**given), spam_filter or SpamFilter())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"honeypot": "x"}, "the hidden field was filled in"),
        ({"same_message": 4, "elapsed": 1.0}, "same message from 4 other networks within a day"),
        ({"same_message": 4, "message": "A matter of mutual benefit"}, "sales phrases: 1"),
        ({"message": SPAM}, "sales phrases: 3"),
        ({"message": "[url=http://a.example]a[/url] http://b.example http://c.example"}, "markup"),
        ({"name": "Win at www.a.example", "elapsed": 0.5}, "a link in the name"),
        ({"message": "QwXcJmRtYnWp", "name": "ZkLpQwRtXv"}, "message looks like random letters"),
        ({"message": "Скидки: \u0420aypal https://t.me/a"}, "alphabets mixed within words"),
    ],
)
def test_strong_signals_are_spam(changed: dict[str, Any], expected: str) -> None:
    score = scored(**changed)
    assert score.is_spam, score
    assert any(expected in reason for reason in score.reasons), score


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"elapsed": 1.0},
        {"elapsed": 9e9},
        {"same_message": 1000},
        {"same_network": 1000},
        {"same_message": 1000, "same_network": 1000},
        {"same_network": 1000, "message": "Can I come if I take sildenafil and have a bad credit?"},
        {"same_message": 1000, "message": "Is a first appointment affordable?"},
        {"email": "ada@\uff4d\uff41\uff49\uff4c\uff49\uff4e\uff41\uff54\uff4f\uff52\u3002com"},
        {"email": "ada@mailinator.com"},
        {"email": "ada@a.mailinator.com", "elapsed": 1.0},
        {"message": "PLEASE CALL ME BACK. I HAVE CALLED TWICE!!!"},
        {"message": "My insurer: https://www.aetna.com/a https://www.cigna.com/b"},
        {"name": "Zoë Krzysztof-Goldschmidt", "message": "Ça va? Grüße, Łukasz"},
        {"message": "Angstschweiß"},
        {"message": "test"},
        {"message": "Call me.please", "best_time": "email.me or call.me pls"},
    ],
)
def test_single_weak_signal_is_not_spam(changed: dict[str, Any]) -> None:
    score = scored(**changed)
    assert not score.is_spam, score


def test_reasons_are_sorted_and_never_quote_the_visitor() -> None:
    score = scored(message=f"{SPAM} http://secret.example", honeypot="secret", name="Secret Name")
    assert score.reasons[0] == "sales phrases: 3"
    assert "ecret" not in "".join(score.reasons)


def test_clinic_sets_weights_and_threshold() -> None:
    assert not scored(SpamFilter(threshold=9), honeypot="x").is_spam
    lenient = scored(SpamFilter(weights=SpamWeights(honeypot=0)), honeypot="x")
    assert not lenient.is_spam
    assert "the hidden field was filled in" not in lenient.reasons


def test_clinic_toml_lists_the_defaults(clinic_dir: Path) -> None:
    text = (clinic_dir / "clinic.toml").read_text(encoding="utf-8")
    shown = re.search(r"^# \[spam_filter\]\n(?:# .*\n)*", text, re.MULTILINE)
    assert shown
    table = tomllib.loads(re.sub(r"^# ", "", shown[0], flags=re.MULTILINE))
    assert table["spam_filter"] == SpamFilter().model_dump()


@pytest.mark.parametrize("way", ["send", "call"])
def test_quarantined_inquiry_has_a_reference_and_no_email(visitor: Visitor, way: str) -> None:
    response = getattr(visitor, way)(message=SPAM)
    assert response.status_code in (201, 303)
    (inquiry,) = visitor.inquiries()
    assert inquiry.reference in response.text
    assert inquiry.state == "quarantined"
    assert (inquiry.quarantine_reasons or "").startswith("sales phrases: 3")
    assert visitor.mails() == []


@sqlite_only
def test_received_page_does_not_reveal_quarantine(visitor: Visitor) -> None:
    pages = [
        visitor.client.get(visitor.send(message=message).location).text
        for message in ("Do you take checks?", SPAM)
    ]
    plain, spam = (re.sub(r"[A-Z0-9]{3}-[A-Z0-9]{3}", "", page) for page in pages)
    assert plain == spam


def test_filter_can_be_turned_off(make_app: Callable[..., Flask]) -> None:
    visitor = Visitor(make_app(SPAM_FILTER_ENABLED="false"))
    visitor.send(message=SPAM)
    (inquiry,) = visitor.inquiries()
    assert inquiry.state == "received"
    assert inquiry.network_digest is None


def send_from(network: int, app: Flask, **changed: str) -> None:
    headers = {"X-Forwarded-For": f"203.0.{network}.7", "Origin": "http://localhost"}
    response = app.test_client().post("/contact", data={**GOOD, **changed}, headers=headers)
    assert response.status_code == 303


@pytest.fixture
def proxied(make_app: Callable[..., Flask], database_url: str) -> Flask:
    return make_app(DATABASE_URL=database_url, TRUSTED_PROXIES="1")


def test_one_source_cannot_make_the_message_of_a_patient_look_like_spam(proxied: Flask) -> None:
    for n in range(8):
        send_from(1, proxied, message=LONG, name=f"Frame {n}", honeypot="x" if n % 2 else "")
    send_from(2, proxied, message=LONG, elapsed_seconds="1")
    visitor = Visitor(proxied)
    *_, patient = visitor.inquiries()
    assert patient.state == "received"
    assert "may be spam" not in visitor.mails()[-1].text


def test_a_repeated_message_alone_is_marked_and_delivered(proxied: Flask) -> None:
    for network in range(5):
        send_from(network, proxied, message=LONG, email=f"a{network}@example.com")
    visitor = Visitor(proxied)
    assert {inquiry.state for inquiry in visitor.inquiries()} == {"received"}
    note = "This may be spam (same message from 4 other networks within a day"
    marked = [note in mail.text and note in mail.html for mail in visitor.mails()]
    assert sorted(marked) == [False] * 4 + [True]


def test_a_repeated_message_with_another_sign_is_quarantined(proxied: Flask) -> None:
    for network in range(5):
        elapsed = "1" if network == 4 else "60"
        send_from(network, proxied, message=LONG, name=f"N{network}", elapsed_seconds=elapsed)
    *_, last = Visitor(proxied).inquiries()
    assert last.state == "quarantined"
    assert "same message from 4 other networks within a day" in (last.quarantine_reasons or "")


def test_a_repeated_message_of_a_possible_crisis_is_marked_as_a_crisis_only(
    proxied: Flask,
) -> None:
    for network in range(5):
        send_from(network, proxied, message="I want to kill myself, is there any help for me?",
                  email=f"a{network}@example.com")  # fmt: skip
    for mail in Visitor(proxied).mails():
        assert mail.text.startswith("PLEASE READ THIS NOW")
        assert "may be spam" not in mail.text + mail.html


@sqlite_only
def test_repeated_inquiry_of_one_visitor_is_not_counted(visitor: Visitor) -> None:
    start = datetime(2026, 11, 2, 15, tzinfo=UTC)
    for n in range(6):
        with time_machine.travel(start + timedelta(minutes=30 * n), tick=False):
            visitor.send(message=LONG)
    assert {inquiry.state for inquiry in visitor.inquiries()} == {"received"}


def test_network_is_counted_across_workers(
    make_app: Callable[..., Flask], database_url: str
) -> None:
    apps = [make_app(DATABASE_URL=database_url, TRUSTED_PROXIES="1") for _ in range(2)]
    data = {
        **GOOD,
        "message": "Cheap pills and weight loss, visit our website www.b.example or www.a.example",
    }
    for n in range(12):
        sender = {"X-Forwarded-For": f"203.0.113.{n}", "Origin": "http://localhost"}
        inquiry = {**data, "message": f"{data['message']}/{n}"}
        apps[n % 2].test_client().post("/contact", data=inquiry, headers=sender)
    elsewhere = {"X-Forwarded-For": "198.51.100.1", "Origin": "http://localhost"}
    apps[0].test_client().post("/contact", data=data, headers=elsewhere)
    states = [inquiry.state for inquiry in Visitor(apps[0]).inquiries()]
    assert states == ["received"] * 10 + ["quarantined"] * 2 + ["received"]


def test_no_address_is_stored_and_digests_are_cleared_after_a_day(visitor: Visitor) -> None:
    visitor.send(message=LONG)
    (inquiry,) = visitor.inquiries()
    assert inquiry.network_digest
    assert inquiry.message_digest
    assert b"127.0.0" not in inquiry.network_digest
    for hours, kept in ((23, True), (25, False)):
        with visitor.database.session() as session:
            clear_spam_digests(session, inquiry.created_at + timedelta(hours=hours))
        (later,) = visitor.inquiries()
        assert bool(later.network_digest) is kept
        assert bool(later.message_digest) is kept
        assert later.encrypted_content


@pytest.mark.parametrize(
    ("sent", "headers", "reason"),
    [
        ({"elapsed_seconds": "1"}, {"Origin": "http://localhost"}, "sent within 3 seconds"),
        ({}, {}, "not sent by a browser"),
    ],
)
def test_form_signals_are_reported(
    visitor_on_sqlite: Visitor, sent: dict[str, str], headers: dict[str, str], reason: str
) -> None:
    data = {**GOOD, "honeypot": "x", **sent}
    visitor_on_sqlite.client.post("/contact", data=data, headers=headers)
    (inquiry,) = visitor_on_sqlite.inquiries()
    assert inquiry.quarantine_reasons == f"the hidden field was filled in, {reason}"


@pytest.mark.parametrize(
    "elapsed", ["", "120", "9" * 9, "x", "-1", "1.5", "\u0661", "9" * 5000, "\u0301" * 99]
)
def test_missing_long_or_invalid_elapsed_time_is_ignored(
    visitor_on_sqlite: Visitor, elapsed: str
) -> None:
    visitor_on_sqlite.send(honeypot="x", elapsed_seconds=elapsed)
    (inquiry,) = visitor_on_sqlite.inquiries()
    assert inquiry.quarantine_reasons == "the hidden field was filled in"


def test_api_inquiry_gets_no_points_for_not_using_a_browser(visitor_on_sqlite: Visitor) -> None:
    visitor_on_sqlite.call(message=SPAM)
    (inquiry,) = visitor_on_sqlite.inquiries()
    assert "browser" not in (inquiry.quarantine_reasons or "")


def test_elapsed_time_does_not_affect_duplicate_detection(
    visitor_on_sqlite: Visitor,
) -> None:
    first = visitor_on_sqlite.send(elapsed_seconds="30").location
    assert visitor_on_sqlite.send(elapsed_seconds="31").location == first
    assert len(visitor_on_sqlite.inquiries()) == 1


def test_pages_with_the_form_do_not_depend_on_the_time(visitor_on_sqlite: Visitor) -> None:
    start = datetime(2026, 11, 2, 15, tzinfo=UTC)
    for path in ("/contact", "/"):
        pages = set()
        for minutes in (0, 5):
            with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
                pages.add(visitor_on_sqlite.app.test_client().get(path).text)
        assert len(pages) == 1
