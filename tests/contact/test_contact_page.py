"""The contact page, on SQLite and PostgreSQL."""

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.contact.models import REFERENCE_PATTERN, Inquiry
from app.services import get_services
from tests.contact.conftest import GOOD, REQUIRED, Visitor
from tests.support.databases import sqlite_only


def test_valid_inquiry_is_stored_with_its_email_and_shows_its_reference(visitor: Visitor) -> None:
    response = visitor.send()
    assert response.status_code == 303
    (inquiry,) = visitor.inquiries()
    assert response.location == f"/contact/received/{inquiry.reference}"
    page = visitor.client.get(response.location)
    assert inquiry.reference in page.text
    assert "received" in page.text
    assert "emailed" not in page.text
    (mail,) = visitor.mails()
    assert mail.recipient == "billing@nullharbor.example"
    assert mail.reference == inquiry.reference


@sqlite_only
def test_empty_form_shows_error_summary_linked_to_each_field(visitor: Visitor) -> None:
    response = visitor.client.post("/contact", data={})
    assert response.status_code == 422
    assert "<title>Error: " in response.text
    assert "There is a problem" in response.text
    for field in REQUIRED:
        assert f'<a href="#{field}">' in response.text
        assert f'id="{field}-error"' in response.text
    assert visitor.inquiries() == []


@sqlite_only
def test_invalid_form_keeps_what_was_typed(visitor: Visitor) -> None:
    response = visitor.send(name="", message="A <long> & careful\nmessage", best_time="weekdays")
    assert "A &lt;long&gt; &amp; careful\nmessage</textarea>" in response.text
    assert 'value="weekdays"' in response.text
    assert '<option value="billing" selected>' in response.text


def test_double_click_makes_one_inquiry_with_one_email(visitor: Visitor) -> None:
    first, second = visitor.send(), visitor.send()
    assert first.location == second.location
    assert len(visitor.inquiries()) == len(visitor.mails()) == 1


@sqlite_only
def test_different_message_is_another_inquiry(visitor: Visitor) -> None:
    visitor.send()
    visitor.send(message="And parking?")
    assert len(visitor.inquiries()) == len(visitor.mails()) == 2


def test_same_content_after_ten_minutes_is_a_new_inquiry(visitor: Visitor) -> None:
    first = visitor.send()
    with visitor.database.session() as session:
        long_ago = visitor.database.now(session) - timedelta(minutes=10, seconds=1)
        session.execute(sa.update(Inquiry).values(created_at=long_ago))
    assert visitor.send().location != first.location
    assert len(visitor.mails()) == 2


@sqlite_only
def test_likely_email_typo_is_asked_about_once_and_can_be_kept(visitor: Visitor) -> None:
    asked = visitor.send(email="ada@gmial.com")
    assert asked.status_code == 422
    assert "Did you mean ada@gmail.com?" in asked.text
    assert visitor.inquiries() == []
    visitor.send(email="ada@gmial.com", confirmed_email="ada@gmial.com", email_choice="typed")
    visitor.send(email="ada@gmial.com", confirmed_email="ada@gmial.com", email_choice="suggested")
    assert [mail.reply_to for mail in visitor.mails()] == ["ada@gmial.com", "ada@gmail.com"]


@pytest.mark.parametrize("typed", ["ada@example.com,", "\uff41da@example.com"])
def test_unclear_address_is_asked_about_and_can_be_corrected(visitor: Visitor, typed: str) -> None:
    asked = visitor.send(email=typed)
    assert asked.status_code == 422
    assert "Did you mean ada@example.com?" in asked.text
    assert "Nothing has been sent yet" in asked.text
    again = visitor.send(email=typed, confirmed_email=typed)
    valid = "," not in typed
    assert again.status_code == (303 if valid else 422)
    kept = visitor.send(email=typed, confirmed_email=typed, email_choice="typed", message="kept")
    assert kept.status_code == (303 if valid else 422)
    assert valid or "Enter an email address in the correct format" in kept.text
    visitor.send(email=typed, confirmed_email=typed, email_choice="suggested", message="corrected")
    assert [mail.reply_to for mail in visitor.mails()][-1] == "ada@example.com"


@pytest.mark.parametrize("domain", ["\uff47mail.com", "gmail\u3002com", "gmai\u24db.com"])
def test_another_spelling_of_a_large_provider_is_no_typo(visitor: Visitor, domain: str) -> None:
    assert visitor.send(email=f"ada@{domain}").status_code == 303


def test_typo_in_another_spelling_is_asked_about(visitor: Visitor) -> None:
    assert "Did you mean ada@gmail.com?" in visitor.send(email="ada@\uff47mial\u3002com").text


def test_honeypot_quarantines_without_telling_the_sender(visitor: Visitor) -> None:
    response = visitor.send(honeypot="http://spam.example")
    assert response.status_code == 303
    assert visitor.client.get(response.location).status_code == 200
    (inquiry,) = visitor.inquiries()
    assert inquiry.state == "quarantined"
    assert visitor.mails() == []


def test_spam_filter_can_be_turned_off(make_app: Callable[..., Flask]) -> None:
    visitor = Visitor(make_app(SPAM_FILTER_ENABLED="false"))
    visitor.send(honeypot="filled in by a helpful browser")
    assert len(visitor.mails()) == 1


def test_nothing_is_quarantined_without_a_digest(app: Flask) -> None:
    inquiries = get_services(app).inquiries
    clinic = inquiries.clinic.model_copy(update={"digest": None})
    get_services(app).inquiries = dataclasses.replace(inquiries, clinic=clinic)
    visitor = Visitor(app)
    visitor.send(honeypot="http://spam.example")
    assert len(visitor.mails()) == 1


def test_unknown_reference_returns_404(visitor: Visitor) -> None:
    assert visitor.client.get("/contact/received/AAA-AAA").status_code == 404


@sqlite_only
def test_references_have_no_easily_confused_characters(visitor: Visitor) -> None:
    visitor.send()
    (inquiry,) = visitor.inquiries()
    assert re.fullmatch(REFERENCE_PATTERN, inquiry.reference)
    assert not set("01IOQZAEU") & set(inquiry.reference)


@sqlite_only
@pytest.mark.parametrize("reference", ["%00", "BBB-BB", "BBB-BBBB", "bbb-bbb"])
def test_malformed_reference_returns_404(visitor: Visitor, reference: str) -> None:
    assert visitor.client.get(f"/contact/received/{reference}").status_code == 404


def test_received_page_works_without_the_database(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert "BBB-BBB" in app.test_client().get("/contact/received/BBB-BBB").text


@sqlite_only
def test_field_error_and_email_suggestion_are_shown_together(visitor: Visitor) -> None:
    response = visitor.send(
        name="", email="ada@gmial.com", confirmed_email="x", email_choice="suggested"
    )
    summary = response.text.partition("There is a problem")[2].partition("</div>")[0]
    assert "Enter your name" in summary
    assert "Did you mean ada@gmail.com?" in summary
    assert 'value="suggested" checked' not in response.text


@sqlite_only
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}],
    ids=str,
)
def test_cross_site_post_is_refused_and_keeps_what_was_typed(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    response = visitor.send(headers=headers)
    assert response.status_code == 403
    assert "Do you take checks?" in response.text
    assert "212-555-0142" in response.text
    assert visitor.inquiries() == []


@sqlite_only
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_same_site_post_is_accepted(visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.client.post("/contact", data=GOOD, headers=headers).status_code == 303
    assert len(visitor.mails()) == 1


@sqlite_only
def test_too_long_message_is_shown_again_in_full(visitor: Visitor) -> None:
    story = "Очень длинная история. " * 1_500  # about 60 kB, three times as much when encoded
    response = visitor.send(message=story)
    assert response.status_code == 422
    assert "Your message is 29,500 characters too long. The limit is 5,000." in response.text
    assert f"{story}</textarea>" in response.text


@sqlite_only
def test_too_large_post_is_refused_and_explains_how_to_get_the_text_back(
    visitor: Visitor,
) -> None:
    response = visitor.send(message="A very long story. " * 20_000)
    assert response.status_code == 413
    assert "it is too long. Please shorten it to 5,000 characters" in response.text
    assert "go back in your browser" in response.text
    assert response.text.count("A very long story.") == 0
    assert response.headers["Cache-Control"] == "private, no-cache"  # so that going back works


def test_rate_limited_post_is_not_read_and_has_retry_after(
    make_app: Callable[..., Flask],
) -> None:
    visitor = Visitor(make_app(RATELIMIT_ENABLED="true"))
    responses = [visitor.send(message=f"Message {number}") for number in range(11)]
    assert [response.status_code for response in responses] == [303] * 10 + [429]
    assert "Message 10" not in responses[-1].text
    assert "go back in your browser" in responses[-1].text
    assert responses[-1].headers["Cache-Control"] == "private, no-cache"
    assert "212-555-0142" in responses[-1].text
    assert int(responses[-1].headers["Retry-After"]) <= 61


def test_form_without_database_says_not_saved_and_keeps_what_was_typed(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    response = Visitor(app).send()
    assert response.status_code == 503
    assert "not saved" in response.text
    assert "Do you take checks?" in response.text
    assert "212-555-0142" in response.text


def test_no_visitor_data_is_stored_unencrypted(visitor: Visitor) -> None:
    visitor.send(name="Quillfeather", message="Marmalade", phone="212-555-0199")
    with visitor.database.read_session() as session:
        for table in ("inquiry", "outbox_message"):
            rows = session.execute(sa.text(f"select * from {table}")).all()
            for secret in ("Quillfeather", "Marmalade", "0199", "ada@example.com"):
                assert secret not in str(rows)


@sqlite_only
def test_no_response_sets_a_cookie(visitor: Visitor) -> None:
    response = visitor.send()
    assert "Set-Cookie" not in response.headers


def test_unexpected_error_keeps_what_was_typed(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("an unexpected error")

    monkeypatch.setattr("app.contact.service.InquiryService.submit", fail)
    response = Visitor(make_app()).send()
    assert response.status_code == 500
    assert "<title>Error: " in response.text
    assert "Something went wrong on our side" in response.text
    assert "Do you take checks?" in response.text
    assert "212-555-0142" in response.text


@sqlite_only
def test_answer_to_an_earlier_email_suggestion_does_not_count(
    visitor: Visitor,
) -> None:
    response = visitor.send(
        email="ada@yaho.com", confirmed_email="ada@gmial.com", email_choice="typed"
    )
    assert "Did you mean ada@yahoo.com?" in response.text
    assert not re.search(r'name="email_choice"[^>]* checked', response.text)


@sqlite_only
def test_phone_number_is_marked_as_required_when_needed(visitor: Visitor) -> None:
    required = 'for="phone">Phone number <span class="hint">(required)'
    assert required in visitor.send(reply_by="text").text
    assert required not in visitor.send(name="").text


@sqlite_only
def test_received_page_explains_the_next_steps(visitor: Visitor) -> None:
    page = visitor.client.get(visitor.send().location).text
    assert "Within one business day." in page
    assert "Quay Street: Mon, Tue, Thu: 9 am to 5 pm; Wed: 9 am to 7 pm" in page
    assert "212-555-0142" in page
    assert "988" in page
