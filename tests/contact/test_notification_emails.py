"""The notification that staff get."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from app.clinic import Clinic
from app.contact.emails import NotificationDetail, notification_emails
from app.contact.staff_links import StaffLinks
from app.outbox.models import OutgoingEmail
from tests.contact.conftest import INQUIRY

WHEN = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
LINKS = StaffLinks("a secret", "https://clinic.example", console_url="")


def _notification(
    clinic: Clinic, detail: NotificationDetail = NotificationDetail.FULL, **changed: Any
) -> OutgoingEmail:
    (notification,) = notification_emails(
        replace(INQUIRY, **changed), "K7R-4M2", WHEN, clinic, detail, links=LINKS
    )
    return notification


def test_notification_has_everything_needed_to_answer(clinic: Clinic) -> None:
    notification = _notification(clinic)
    assert notification.subject == "[K7R-4M2] Billing or cost (Lighthouse Hill) from Ada Example"
    assert notification.reply_to == "ada@example.com"
    assert notification.recipient == "billing@nullharbor.example"
    for expected in (
        "Phone call",
        "(212) 555-0142",
        "no, do not leave a voicemail",
        "mornings",
        "Lighthouse Hill",
        "Wednesday, July 1, 2026, 6:30 PM EDT",
        "K7R-4M2",
    ):
        assert expected in notification.text
    assert 'href="tel:+12125550142"' in notification.html
    assert 'href="mailto:ada%40example.com?subject=Re%3A%20%5BK7R-4M2%5D' in notification.html


def test_message_is_exactly_as_typed(clinic: Clinic) -> None:
    notification = _notification(clinic)
    assert f"\n\n{INQUIRY.message}\n" in notification.text
    assert "First line<br><br>  indented &lt;b&gt;bold&lt;/b&gt; &amp; more" in notification.html


def test_visitor_markup_is_escaped(clinic: Clinic) -> None:
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not any(name.startswith("on") for name, _ in attrs)

    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    Tags().feed(
        _notification(clinic, name=attack, best_time=attack, message=attack, phone=attack).html
    )
    assert not {"script", "img"} & set(tags)


def test_email_loads_no_remote_content(clinic: Clinic) -> None:
    assert "http" not in _notification(clinic).html.replace(
        f'href="{LINKS.answered("K7R-4M2")}"', ""
    )
    assert "src=" not in _notification(clinic).html


@pytest.mark.parametrize(
    ("email", "reply_to"),
    [("ada@bücher.example", "ada@xn--bcher-kva.example"), ("ádà@example.com", None)],
)
def test_address_that_reply_to_cannot_have_is_in_the_body(
    clinic: Clinic, email: str, reply_to: str | None
) -> None:
    notification = _notification(clinic, email=email)
    assert notification.reply_to == reply_to
    assert email in notification.text
    notice = f"Do not use Reply: it will not reach this person. Write to {email}."
    assert (notification.text.splitlines()[0] == notice) == (reply_to is None)
    assert (notice in notification.html) == (reply_to is None)


def test_name_cannot_reverse_the_subject(clinic: Clinic) -> None:
    assert "\u202e" not in _notification(clinic, name="Ada\u202e gro.live").subject


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Unpaid invoice evil.de/pay", "evil. de/pay"),
        ("Unpaid evil\uff0ede", "evil\uff0e de"),
        ("Unpaid evil\u3002de", "evil\u3002 de"),
        ("Unpaid ftp://evil.de", "ftp: //evil. de"),
        ("J.R. Smith-O'Neil, Jr. (she/her)", "J. R. Smith-O'Neil, Jr. (she/her)"),
    ],
)
def test_subject_has_nothing_that_becomes_a_link(clinic: Clinic, name: str, shown: str) -> None:
    assert _notification(clinic, name=name).subject.endswith(shown)


def test_topic_with_two_mailboxes_gets_two_emails(clinic: Clinic) -> None:
    topic = clinic.topics[0].model_copy(update={"mailboxes": ("a@x.example", "b@x.example")})
    double = clinic.model_copy(update={"topics": (topic,)})
    inquiry = replace(INQUIRY, topic="general")
    notifications = notification_emails(
        inquiry, "K7R-4M2", WHEN, double, NotificationDetail.FULL, links=LINKS
    )
    assert [notification.recipient for notification in notifications] == [
        "a@x.example",
        "b@x.example",
    ]


def test_control_characters_are_replaced(clinic: Clinic) -> None:
    notification = _notification(clinic, message="before\x1b[2J\x00after\tkept\nkept")
    assert "before\ufffd[2J\ufffdafter\tkept\nkept" in notification.text
    assert "\x1b" not in notification.html


PERSONAL = ("Ada", "ada@example.com", "ada%40", "555-0142", "+1212", "mornings", "First line")


def _all_text(notification: OutgoingEmail) -> str:
    return "\n".join(
        (notification.subject, notification.text, notification.html, notification.reply_to or "")
    )


def test_contact_detail_omits_the_message(clinic: Clinic) -> None:
    notification = _notification(clinic, NotificationDetail.CONTACT)
    assert notification.reply_to == "ada@example.com"
    assert notification.subject == "[K7R-4M2] Billing or cost (Lighthouse Hill) from Ada Example"
    for part in (notification.text, notification.html):
        assert "First line" not in part
        assert "flask inquiries show K7R-4M2" in part
        assert "(212) 555-0142" in part
    assert 'href="mailto:ada%40example.com?subject=' in notification.html


def test_minimal_detail_has_only_the_reference(clinic: Clinic) -> None:
    notification = _notification(clinic, NotificationDetail.MINIMAL)
    assert notification.subject == "[K7R-4M2] New inquiry"
    assert notification.recipient == "billing@nullharbor.example"
    for part in (notification.text, notification.html):
        assert "flask inquiries show K7R-4M2" in part
        assert "Reply" in part  # it says that nobody would get it
    theirs = (*PERSONAL, "Billing", "Lighthouse Hill", "Phone call")
    assert [word for word in theirs if word in _all_text(notification)] == []


@pytest.mark.parametrize("detail", NotificationDetail)
def test_crisis_is_marked_at_every_detail(clinic: Clinic, detail: NotificationDetail) -> None:
    phrase = "I want to die"
    notification = _notification(clinic, detail, message=f"Hello. {phrase}")
    assert notification.subject.startswith("Please read now: ")
    assert ("danger" in _all_text(notification)) == (detail is not NotificationDetail.MINIMAL)
    assert (phrase in _all_text(notification)) == (detail is NotificationDetail.FULL)


def test_removed_topic_and_location_still_reach_a_mailbox(clinic: Clinic) -> None:
    notification = _notification(clinic, topic="former-topic", location="former-place")
    assert (notification.recipient,) == clinic.topics[0].mailboxes
    assert "former-topic" in notification.subject
    assert "former-place" in notification.text
