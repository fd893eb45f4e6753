"""The mail that the front desk gets."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from app.clinic import Clinic
from app.contact.emails import NotificationDetail, notification_emails
from app.contact.models import InquiryData
from app.outbox.models import OutgoingEmail

WHEN = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
WORDS = InquiryData(
    name="Ada Example",
    email="ada@example.com",
    phone="(212) 555-0142",
    phone_e164="+12125550142",
    reply_by="phone",
    voicemail_ok=False,
    best_time="mornings",
    topic="billing",
    location="hill",
    message="First line\n\n  indented <b>bold</b> & more",
)


def _mail(clinic: Clinic, **changed: Any) -> OutgoingEmail:
    (mail,) = notification_emails(replace(WORDS, **changed), "K7R-4M2", WHEN, clinic)
    return mail


def test_it_can_be_answered_at_once(clinic: Clinic) -> None:
    mail = _mail(clinic)
    assert mail.subject == "[K7R-4M2] Billing question from Ada Example"
    assert mail.reply_to == "ada@example.com"
    assert mail.recipient == "billing@nullharbor.example"
    for expected in (
        "Phone call",
        "(212) 555-0142",
        "no, please leave no message",
        "mornings",
        "Lighthouse Hill",
        "Wednesday, July 1, 2026, 6:30 PM EDT",
        "K7R-4M2",
    ):
        assert expected in mail.text
    assert 'href="tel:+12125550142"' in mail.html
    assert 'href="mailto:ada%40example.com?subject=Re%3A%20%5BK7R-4M2%5D' in mail.html


def test_the_message_is_exactly_as_typed(clinic: Clinic) -> None:
    mail = _mail(clinic)
    assert f"\n\n{WORDS.message}\n" in mail.text
    assert "First line\n\n  indented &lt;b&gt;bold&lt;/b&gt; &amp; more" in mail.html


def test_no_markup_of_a_visitor_becomes_markup_in_the_mail(clinic: Clinic) -> None:
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not any(name.startswith("on") for name, _ in attrs)

    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    Tags().feed(_mail(clinic, name=attack, best_time=attack, message=attack, phone=attack).html)
    assert not {"script", "img"} & set(tags)


def test_nothing_in_the_mail_is_fetched_from_elsewhere(clinic: Clinic) -> None:
    assert "http" not in _mail(clinic).html
    assert "src=" not in _mail(clinic).html


@pytest.mark.parametrize(
    ("email", "reply_to"),
    [("ada@bücher.example", "ada@xn--bcher-kva.example"), ("ádà@example.com", None)],
)
def test_an_address_that_headers_cannot_carry_stands_in_the_body(
    clinic: Clinic, email: str, reply_to: str | None
) -> None:
    mail = _mail(clinic, email=email)
    assert mail.reply_to == reply_to
    assert email in mail.text
    assert ("will not reach the visitor" in mail.text) == (reply_to is None)


def test_a_name_cannot_turn_the_subject_around(clinic: Clinic) -> None:
    assert "\u202e" not in _mail(clinic, name="Ada\u202e gro.live").subject


def test_a_topic_with_two_mailboxes_sends_two_mails_of_one_recipient_each(clinic: Clinic) -> None:
    topic = clinic.topics[0].model_copy(update={"mailboxes": ("a@x.example", "b@x.example")})
    double = clinic.model_copy(update={"topics": (topic,)})
    mails = notification_emails(replace(WORDS, topic="general"), "K7R-4M2", WHEN, double)
    assert [mail.recipient for mail in mails] == ["a@x.example", "b@x.example"]


def test_a_message_cannot_command_a_terminal(clinic: Clinic) -> None:
    mail = _mail(clinic, message="before\x1b[2J\x00after\tkept\nkept")
    assert "before\ufffd[2J\ufffdafter\tkept\nkept" in mail.text
    assert "\x1b" not in mail.html


PERSONAL = ("Ada", "ada@example.com", "ada%40", "555-0142", "+1212", "mornings", "First line")


def _said(mail: OutgoingEmail) -> str:
    return "\n".join((mail.subject, mail.text, mail.html, mail.reply_to or ""))


def test_without_the_message_it_can_still_be_answered(clinic: Clinic) -> None:
    (mail,) = notification_emails(WORDS, "K7R-4M2", WHEN, clinic, NotificationDetail.CONTACT)
    assert mail.reply_to == "ada@example.com"
    assert mail.subject == "[K7R-4M2] Billing question from Ada Example"
    for part in (mail.text, mail.html):
        assert "First line" not in part
        assert "flask --app wsgi inquiries show K7R-4M2" in part
        assert "(212) 555-0142" in part
    assert 'href="mailto:ada%40example.com?subject=' in mail.html


def test_the_smallest_mail_has_the_reference_and_nothing_of_the_visitor(clinic: Clinic) -> None:
    (mail,) = notification_emails(WORDS, "K7R-4M2", WHEN, clinic, NotificationDetail.MINIMAL)
    assert mail.subject == "[K7R-4M2] New inquiry"
    assert mail.recipient == "billing@nullharbor.example"
    for part in (mail.text, mail.html):
        assert "flask --app wsgi inquiries show K7R-4M2" in part
        assert "Reply" in part  # it says that nobody would get it
    theirs = (*PERSONAL, "Billing", "Lighthouse Hill", "Phone call")
    assert [word for word in theirs if word in _said(mail)] == []


@pytest.mark.parametrize("notify", NotificationDetail)
def test_danger_is_marked_in_every_mode(clinic: Clinic, notify: NotificationDetail) -> None:
    phrase = "I want to die"
    words = replace(WORDS, message=f"Hello. {phrase}")
    (mail,) = notification_emails(words, "K7R-4M2", WHEN, clinic, notify)
    assert mail.subject.startswith("Please read now: ")
    assert ("danger" in _said(mail)) == (notify is not NotificationDetail.MINIMAL)
    assert (phrase in _said(mail)) == (notify is NotificationDetail.FULL)


def test_a_topic_and_a_place_renamed_since_still_reach_a_mailbox(clinic: Clinic) -> None:
    mails = notification_emails(
        replace(WORDS, topic="former-topic", location="former-place"), "K7R-4M2", WHEN, clinic
    )
    assert tuple(mail.recipient for mail in mails) == clinic.topics[0].mailboxes
    assert all("former-topic" in mail.subject for mail in mails)
    assert all("former-place" in mail.text for mail in mails)
