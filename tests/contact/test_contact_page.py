"""The contact page as a visitor meets it. On SQLite and on PostgreSQL."""

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from app.contact.models import REFERENCE_PATTERN, Inquiry
from app.services import services_of
from tests.contact.conftest import GOOD, Visitor


def test_a_good_inquiry_is_stored_with_its_mail_and_shows_its_reference(visitor: Visitor) -> None:
    answer = visitor.send()
    assert answer.status_code == 303
    (inquiry,) = visitor.inquiries()
    assert answer.location == f"/contact/received/{inquiry.reference}"
    page = visitor.client.get(answer.location)
    assert inquiry.reference in page.text
    assert "received" in page.text
    assert "emailed" not in page.text
    (mail,) = visitor.mails()
    assert mail.recipient == "billing@nullharbor.example"
    assert mail.reference == inquiry.reference


def test_an_empty_form_gets_a_summary_linked_to_each_field(visitor: Visitor) -> None:
    answer = visitor.client.post("/contact", data={})
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert "There is a problem" in answer.text
    for field in ("name", "email", "topic", "location", "message"):
        assert f'<a href="#{field}">' in answer.text
        assert f'id="{field}-error"' in answer.text
    assert visitor.inquiries() == []


def test_what_was_typed_stays_in_the_form(visitor: Visitor) -> None:
    answer = visitor.send(name="", message="A <long> & careful\nmessage", best_time="weekdays")
    assert "A &lt;long&gt; &amp; careful\nmessage</textarea>" in answer.text
    assert 'value="weekdays"' in answer.text
    assert '<option value="billing" selected>' in answer.text


def test_a_double_click_is_one_inquiry_with_one_mail(visitor: Visitor) -> None:
    first, second = visitor.send(), visitor.send()
    assert first.location == second.location
    assert len(visitor.inquiries()) == len(visitor.mails()) == 1


def test_other_words_are_another_inquiry(visitor: Visitor) -> None:
    visitor.send()
    visitor.send(message="And parking?")
    assert len(visitor.inquiries()) == len(visitor.mails()) == 2


def test_the_same_words_again_after_ten_minutes_reach_the_clinic(visitor: Visitor) -> None:
    first = visitor.send()
    with visitor.database.session() as session:
        long_ago = visitor.database.now(session) - timedelta(minutes=10, seconds=1)
        session.execute(sa.update(Inquiry).values(created_at=long_ago))
    assert visitor.send().location != first.location
    assert len(visitor.mails()) == 2


def test_a_likely_typo_is_asked_about_once_and_can_be_said_no_to(visitor: Visitor) -> None:
    asked = visitor.send(email="ada@gmial.com")
    assert asked.status_code == 422
    assert "Did you mean ada@gmail.com?" in asked.text
    assert visitor.inquiries() == []
    visitor.send(email="ada@gmial.com", email_asked="ada@gmial.com", email_choice="typed")
    visitor.send(email="ada@gmial.com", email_asked="ada@gmial.com", email_choice="meant")
    assert [mail.reply_to for mail in visitor.mails()] == ["ada@gmial.com", "ada@gmail.com"]


def test_the_hidden_field_holds_the_inquiry_back_and_tells_nobody(visitor: Visitor) -> None:
    answer = visitor.send(honeypot="http://spam.example")
    assert answer.status_code == 303
    assert visitor.client.get(answer.location).status_code == 200
    (inquiry,) = visitor.inquiries()
    assert inquiry.state == "quarantined"
    assert visitor.mails() == []


def test_screening_can_be_turned_off(make_app: Callable[..., Flask]) -> None:
    visitor = Visitor(make_app(SPAM_FILTER_ENABLED="false"))
    visitor.send(honeypot="filled in by a helpful browser")
    assert len(visitor.mails()) == 1


def test_without_a_digest_nothing_is_held(app: Flask) -> None:
    desk = services_of(app).inquiries
    clinic = desk.clinic.model_copy(update={"digest": None})
    services_of(app).inquiries = dataclasses.replace(desk, clinic=clinic)
    visitor = Visitor(app)
    visitor.send(honeypot="http://spam.example")
    assert len(visitor.mails()) == 1


def test_an_unknown_reference_is_not_found(visitor: Visitor) -> None:
    assert visitor.client.get("/contact/received/AAA-AAA").status_code == 404


def test_references_are_easy_to_read_out(visitor: Visitor) -> None:
    visitor.send()
    (inquiry,) = visitor.inquiries()
    assert re.fullmatch(REFERENCE_PATTERN, inquiry.reference)
    assert not set("01IOQZAEU") & set(inquiry.reference)


@pytest.mark.parametrize("reference", ["%00", "BBB-BB", "BBB-BBBB", "bbb-bbb"])
def test_what_is_no_reference_is_not_found(visitor: Visitor, reference: str) -> None:
    assert visitor.client.get(f"/contact/received/{reference}").status_code == 404


def test_a_reference_is_shown_also_while_the_database_is_away(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert "BBB-BBB" in app.test_client().get("/contact/received/BBB-BBB").text


def test_a_mistake_and_a_likely_typo_are_told_together(visitor: Visitor) -> None:
    answer = visitor.send(name="", email="ada@gmial.com", email_asked="x", email_choice="meant")
    summary = answer.text.partition("There is a problem")[2].partition("</div>")[0]
    assert "Enter your name" in summary
    assert "Did you mean ada@gmail.com?" in summary
    assert 'value="meant" checked' not in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}],
    ids=str,
)
def test_another_sites_form_is_refused_with_the_words_kept(
    visitor: Visitor, headers: dict[str, str]
) -> None:
    answer = visitor.send(headers=headers)
    assert answer.status_code == 403
    assert "Do you take checks?" in answer.text
    assert "212-555-0142" in answer.text
    assert visitor.inquiries() == []


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
def test_our_own_form_is_accepted(visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.client.post("/contact", data=GOOD, headers=headers).status_code == 303
    assert len(visitor.mails()) == 1


def test_a_long_message_comes_back_whole_to_be_shortened(visitor: Visitor) -> None:
    story = "Очень длинная история. " * 1_500  # about 60 kB, and three times that as it is sent
    answer = visitor.send(message=story)
    assert answer.status_code == 422
    assert "Message must be 5,000 characters or fewer. It is 29,500 too long" in answer.text
    assert f"{story}</textarea>" in answer.text


def test_a_post_too_large_to_read_is_refused_and_says_where_the_words_are(
    visitor: Visitor,
) -> None:
    answer = visitor.send(message="A very long story. " * 20_000)
    assert answer.status_code == 413
    assert "it is too long. Please shorten it to 5,000 characters" in answer.text
    assert "go back in your browser to see it again" in answer.text
    assert answer.text.count("A very long story.") == 0
    assert answer.headers["Cache-Control"] == "private, no-cache"  # so that going back works


def test_too_many_posts_are_refused_unread_and_say_when_to_come_back(
    make_app: Callable[..., Flask],
) -> None:
    visitor = Visitor(make_app(RATELIMIT_ENABLED="true"))
    answers = [visitor.send(message=f"Message {number}") for number in range(11)]
    assert [answer.status_code for answer in answers] == [303] * 10 + [429]
    assert "Message 10" not in answers[-1].text
    assert "go back in your browser to see it again" in answers[-1].text
    assert answers[-1].headers["Cache-Control"] == "private, no-cache"
    assert "212-555-0142" in answers[-1].text
    assert int(answers[-1].headers["Retry-After"]) <= 61


def test_without_a_database_the_page_says_not_saved_and_keeps_the_words(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    answer = Visitor(app).send()
    assert answer.status_code == 503
    assert "not saved" in answer.text
    assert "Do you take checks?" in answer.text
    assert "212-555-0142" in answer.text


def test_nothing_a_visitor_typed_stands_in_the_database_in_clear(visitor: Visitor) -> None:
    visitor.send(name="Quillfeather", message="Marmalade", phone="212-555-0199")
    with visitor.database.read_session() as session:
        for table in ("inquiry", "outbox_message"):
            rows = session.execute(sa.text(f"select * from {table}")).all()
            for secret in ("Quillfeather", "Marmalade", "0199", "ada@example.com"):
                assert secret not in str(rows)


def test_no_answer_sets_a_cookie(visitor: Visitor) -> None:
    answer = visitor.send()
    assert "Set-Cookie" not in answer.headers


def test_a_fault_of_ours_keeps_the_words_too(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("a fault that nobody foresaw")

    monkeypatch.setattr("app.contact.service.InquiryService.submit", fail)
    answer = Visitor(make_app()).send()
    assert answer.status_code == 500
    assert "<title>Error: " in answer.text
    assert "Something went wrong on our side" in answer.text
    assert "Do you take checks?" in answer.text
    assert "212-555-0142" in answer.text


def test_a_new_question_about_the_address_is_not_answered_by_the_last_one(
    visitor: Visitor,
) -> None:
    answer = visitor.send(email="ada@yaho.com", email_asked="ada@gmial.com", email_choice="typed")
    assert "Did you mean ada@yahoo.com?" in answer.text
    assert not re.search(r'name="email_choice"[^>]* checked', answer.text)


def test_the_phone_number_is_marked_as_required_when_it_is(visitor: Visitor) -> None:
    required = 'for="phone">Phone number <span class="hint">(required)'
    assert required in visitor.send(reply_by="text").text
    assert required not in visitor.send(name="").text


def test_the_received_page_says_what_happens_next_and_when(visitor: Visitor) -> None:
    page = visitor.client.get(visitor.send().location).text
    assert "Within one working day." in page
    assert "Quay Street: Mon, Tue, Thu: 9 am to 5 pm; Wed: 9 am to 7 pm" in page
    assert "212-555-0142" in page
    assert "988" in page
