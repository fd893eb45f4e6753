"""Whatever a field contains, staff get exactly one email with the text as typed."""

import re

import pytest

from app.clinic import Clinic
from tests.attacks import hostile_input
from tests.support.contact_harness import EMPTY, ContactHarness, assert_delivered_message

FIELDS = ("name", "email", "phone", "reply_by", "best_time", "topic", "location", "message",
          "text_consent")  # fmt: skip


@pytest.mark.parametrize("attack", hostile_input.ALL, ids=lambda text: ascii(text)[1:30])
@pytest.mark.parametrize("entry_point", ["form", "api"])
def test_no_field_can_add_a_header_recipient_or_email(
    contact_harness: ContactHarness, clinic: Clinic, entry_point: str, attack: str
) -> None:
    send = contact_harness.submit_form if entry_point == "form" else contact_harness.submit_json
    for field in FIELDS:
        response = send(**{field: attack})
        emails = contact_harness.deliver()
        if response.status_code == 422:
            assert (contact_harness.inquiries(), emails) == (0, []), field
            continue
        assert response.status_code in (201, 303), field
        (email,) = emails
        assert_delivered_message(
            email, {**EMPTY, field: attack}, clinic.topic("billing").mailboxes[0]
        )
        if field != "name":
            subject = email.message["Subject"]
            assert subject.endswith("Billing or cost (Quay Street) from Ada Example")
        contact_harness.reset()


@pytest.mark.parametrize(
    "attack",
    [text for text in hostile_input.SMTP + hostile_input.DOTS if re.search(r"\r|\n", text)],
)
@pytest.mark.parametrize("field", ["name", "email", "phone", "best_time"])
def test_line_break_in_a_single_line_field_is_refused(
    contact_harness: ContactHarness, field: str, attack: str
) -> None:
    response = contact_harness.submit_form(**{field: attack})
    assert response.status_code == 422
    assert EMPTY["message"].replace("\r\n", "\n") in response.text.replace("\r\n", "\n")


@pytest.mark.parametrize("attack", hostile_input.ENCODED)
def test_encoded_word_in_a_name_is_not_decoded(
    contact_harness: ContactHarness, attack: str
) -> None:
    assert contact_harness.submit_form(name=attack).status_code == 303
    (email,) = contact_harness.deliver()
    subject = email.message["Subject"]
    assert "=?" not in subject
    assert subject.replace(" ", "").endswith(attack.replace(" ", ""))
