"""Whatever stands in a field, the front desk gets exactly one mail, to itself, as typed."""

import pytest

from app.clinic import Clinic
from tests.attacks import hostile
from tests.support.contact_harness import EMPTY, ContactHarness, assert_delivered_message

FIELDS = ("name", "email", "phone", "reply_by", "best_time", "topic", "location", "message")


@pytest.mark.parametrize("attack", hostile.ALL, ids=lambda text: ascii(text)[1:30])
@pytest.mark.parametrize("door", ["form", "api"])
def test_no_field_adds_a_header_a_recipient_or_a_mail(
    contact_harness: ContactHarness, clinic: Clinic, door: str, attack: str
) -> None:
    send = contact_harness.submit_form if door == "form" else contact_harness.submit_json
    for field in FIELDS:
        contact_harness.reset()
        answer = send(**{field: attack})
        mails = contact_harness.deliver()
        if answer.status_code == 422:
            assert (contact_harness.inquiries(), mails) == (0, []), field
            continue
        assert answer.status_code in (201, 303), field
        (mail,) = mails
        assert_delivered_message(
            mail, {**EMPTY, field: attack}, clinic.topic("billing").mailboxes[0]
        )
        if field != "name":
            assert mail.message["Subject"].endswith("Billing question from Ada Example")


@pytest.mark.parametrize("attack", hostile.SMTP + hostile.DOTS[3:])
@pytest.mark.parametrize("field", ["name", "email", "phone", "best_time"])
def test_a_line_field_with_two_lines_is_refused_and_shown_again(
    contact_harness: ContactHarness, field: str, attack: str
) -> None:
    answer = contact_harness.submit_form(**{field: attack})
    assert answer.status_code == 422
    assert EMPTY["message"].replace("\r\n", "\n") in answer.text.replace("\r\n", "\n")


@pytest.mark.parametrize("attack", hostile.ENCODED)
def test_an_encoded_word_reaches_the_subject_as_plain_letters(
    contact_harness: ContactHarness, attack: str
) -> None:
    assert contact_harness.submit_form(name=attack).status_code == 303
    (mail,) = contact_harness.deliver()
    assert mail.message["Subject"].endswith(attack.replace("=?", "= ?"))
