"""What receivers outside of email are told: nothing typed, unless a webhook is marked for it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.clinic import Clinic
from app.clinic.models import Notify, Webhook
from app.maintenance.retention import RetentionPeriods, delete_expired
from app.outbox.models import EMAILS, OutboxMessage, OutgoingCall
from app.services import get_services
from tests.contact.conftest import GOOD, Visitor
from tests.support.webhook_receiver import WEBHOOK_SECRET

PLAIN = Webhook(key="plain", url="https://crm.example/hook", secret=WEBHOOK_SECRET)
COVERED = PLAIN.model_copy(update={"key": "covered", "content": True})
PHONES = Notify(key="phones", url="ntfys://ntfy.example/desk")
ANOTHER = {
    "name": "Grace Example",
    "email": "grace@example.org",
    "phone": "212-555-0199",
    "best_time": "after lunch",
    "voicemail_ok": "yes",
    "message": "I want to kill myself, where is the elevator?",
}


class Site(Visitor):
    """A site with receivers."""

    def __init__(self, app: Flask, **receivers: Any) -> None:
        super().__init__(app)
        services = get_services(app)
        services.clinic = services.clinic.model_copy(update=receivers)
        services.inquiries = replace(services.inquiries, clinic=services.clinic)
        self.services = services

    def calls(self) -> list[OutgoingCall]:
        query = sa.select(OutboxMessage.encrypted_message).where(OutboxMessage.kind.not_in(EMAILS))
        with self.database.read_session() as session:
            found = session.scalars(query.order_by(OutboxMessage.target, OutboxMessage.created_at))
            decrypt = self.database.keys.decrypt
            return [OutgoingCall.from_json(decrypt(content)) for content in found if content]

    def flask(self, *arguments: str) -> str:
        return self.app.test_cli_runner().invoke(args=["inquiries", *arguments, "--yes"]).output


@pytest.fixture
def make_site(make_app: Callable[..., Flask]) -> Callable[..., Site]:
    return lambda **receivers: Site(make_app(RATELIMIT_ENABLED="false"), **receivers)


def data(call: OutgoingCall) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(call.body)
    return {"type": body["type"], **body["data"]}


def test_inquiries_that_differ_in_what_was_typed_are_announced_alike(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(notify=(PHONES,), webhooks=(PLAIN,))
    site.send()
    site.send(None, **ANOTHER)
    variable = "|".join([*(row.reference for row in site.inquiries()), r"20\d\d-[-\d:.TZ]+"])
    phones, same_phones, program, same_program = (
        re.sub(variable, "…", call.to_json()) for call in site.calls()
    )
    assert phones == same_phones
    assert program == same_program
    assert "Billing or cost, Quay Street. Reference …" in phones
    assert data(site.calls()[2]) == {
        "type": "inquiry.received",
        "reference": site.inquiries()[0].reference,
        "topic": "billing",
        "location": "quay",
    }


def test_only_a_receiver_marked_for_it_gets_what_was_typed(make_site: Callable[..., Site]) -> None:
    site = make_site(webhooks=(COVERED, PLAIN))
    site.send()
    covered, plain = map(data, site.calls())
    assert covered["content"]["message"] == GOOD["message"].replace("\r\n", "\n")
    assert covered["content"]["email"] == GOOD["email"]
    assert "content" not in plain


def test_a_notification_opens_the_inquiry_in_the_console(make_app: Callable[..., Flask]) -> None:
    site = Site(make_app(STAFF_CONSOLE="on", RATELIMIT_ENABLED="false"), notify=(PHONES,))
    site.send()
    (call,) = site.calls()
    assert call.body.endswith(f"/staff/inquiries/{call.reference}")


def test_urgent_is_said_only_where_the_clinic_wants_it(make_site: Callable[..., Site]) -> None:
    urgent = PHONES.model_copy(update={"key": "urgent", "urgent": True})
    site = make_site(notify=(PHONES, urgent))
    site.send(None, **ANOTHER)
    assert [call.title for call in site.calls()] == [
        "New inquiry",
        "Please read now: new inquiry",
    ]


def test_a_receiver_can_be_for_some_topics_and_locations(make_site: Callable[..., Site]) -> None:
    some = {"topics": ("billing", "general"), "locations": ("hill",)}
    site = make_site(notify=(PHONES.model_copy(update=some),))
    for topic, place in (("billing", "quay"), ("directions", "hill"), ("billing", "hill")):
        site.send(topic=topic, location=place, message=f"{topic} {place}")
    assert [call.body[:30] for call in site.calls()] == ["Billing or cost, Lighthouse Hi"]


def test_suspected_spam_is_announced_after_its_release_only(make_site: Callable[..., Site]) -> None:
    site = make_site(notify=(PHONES,), webhooks=(PLAIN,))
    site.send(honeypot="spam")
    assert site.calls() == []
    site.flask("release", site.inquiries()[0].reference)
    assert len(site.calls()) == 2


def test_webhooks_are_told_of_answers_and_erasures(make_site: Callable[..., Site]) -> None:
    site = make_site(notify=(PHONES,), webhooks=(PLAIN,))
    site.send()
    reference = site.inquiries()[0].reference
    site.app.test_cli_runner().invoke(args=["inquiries", "answered", reference])
    site.flask("erase", reference)
    site.send(honeypot="spam")
    site.flask("erase", site.inquiries()[1].reference)
    with site.database.read_session() as session:
        states = [*session.execute(sa.select(OutboxMessage.kind, OutboxMessage.state))]
    # What was still to be sent is erased with the inquiry. The webhook learns that it is.
    assert [state for kind, state in states if kind != "webhook"] == ["cancelled"] * 2
    assert [state for kind, state in states if kind == "webhook"] == [
        "cancelled", "cancelled", "pending"
    ]  # fmt: skip
    with site.database.read_session() as session:
        pending = sa.select(OutboxMessage.encrypted_message).where(OutboxMessage.state == "pending")
        content = site.database.keys.decrypt(session.scalars(pending).one() or b"")
    assert data(OutgoingCall.from_json(content)) == {
        "type": "inquiry.erased",
        "reference": reference,
    }


def test_erasing_names_the_programs_that_have_the_content(make_site: Callable[..., Site]) -> None:
    site = make_site(notify=(PHONES,), webhooks=(COVERED, PLAIN))
    site.send()
    site.send(message="Not sent yet")
    delivered, pending = (inquiry.reference for inquiry in site.inquiries())
    with site.database.session() as session:
        arrived = {"state": "delivered", "due_at": None, "delivered_at": datetime.now(UTC)}
        about = OutboxMessage.reference == delivered
        session.execute(sa.update(OutboxMessage).where(about).values(arrived))
    output = site.flask("erase", delivered)
    assert "1 email delivered: also delete the copies in those mailboxes" in output
    assert (
        "Webhooks got what the visitor wrote: covered. They receive a notice of the erasure"
        in output
    )
    output = site.flask("erase", pending)
    assert "1 email NOT delivered: nobody at the front desk has read it" in output
    assert "Webhooks" not in output
    assert "erased; 4 messages cancelled" in output


def test_webhooks_are_told_when_retention_erases(make_site: Callable[..., Site]) -> None:
    site = make_site(webhooks=(PLAIN,))
    site.send()
    with site.database.session() as session:
        now = site.database.now(session)
        session.execute(
            sa.update(OutboxMessage).values(state="delivered", due_at=None, delivered_at=now)
        )
    announcer, later = site.services.inquiries.announcer, now + timedelta(seconds=1)
    assert delete_expired(site.database, RetentionPeriods(0, 0, 2190), later, announcer) == 1
    assert "inquiry.erased" in [data(call)["type"] for call in site.calls()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"notify": [{"key": "a", "url": "no address"}]}, "must be an address of Apprise"),
        ({"notify": [{"key": "a", "url": "x://y", "topics": ["none"]}]}, "no topic none"),
        ({"notify": [{"key": "a", "url": "x://y"}] * 2}, "two of [[notify]] have the key a"),
        (
            {"webhooks": [{"key": "a", "url": "http://crm.example", "secret": WEBHOOK_SECRET}]},
            "https://",
        ),
        ({"webhooks": [{"key": "a", "url": "https://x", "secret": "whsec_short"}]}, "24 to 64"),
        ({"webhooks": [{"key": "a", "url": "https://x", "secret_file": "/no"}]}, "cannot read /no"),
        ({"webhooks": [{"key": "a", "url": "https://x"}]}, "Field required"),
    ],
)
def test_a_receiver_that_cannot_work_is_refused_without_its_secrets(
    clinic: Clinic, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        Clinic.model_validate({**clinic.model_dump(exclude={"reply_within"}), **change,
                               "reply_within": "1 business day"})  # fmt: skip
    reasons = [error["msg"] for error in refused.value.errors()]  # type: ignore[attr-defined]
    assert not [reason for reason in reasons if WEBHOOK_SECRET in reason or "whsec_short" in reason]


def test_a_secret_can_be_in_a_file(tmp_path: Any) -> None:
    (tmp_path / "secret").write_text(f"{WEBHOOK_SECRET}\n")
    table = {"key": "crm", "url": "https://crm.example", "secret_file": str(tmp_path / "secret")}
    assert Webhook.model_validate(table).secret.get_secret_value() == WEBHOOK_SECRET
