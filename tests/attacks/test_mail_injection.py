"""Whatever stands in a field, the front desk gets exactly one mail, to itself, as typed."""

import pytest

from app.clinic import Clinic
from tests.attacks import hostile
from tests.support.front_desk import EMPTY, FrontDesk, check_mail

FIELDS = ("name", "email", "phone", "reply_by", "best_time", "topic", "location", "message")


@pytest.mark.parametrize("attack", hostile.ALL, ids=lambda text: ascii(text)[1:30])
@pytest.mark.parametrize("door", ["form", "api"])
def test_no_field_adds_a_header_a_recipient_or_a_mail(
    front_desk: FrontDesk, clinic: Clinic, door: str, attack: str
) -> None:
    send = front_desk.by_form if door == "form" else front_desk.by_api
    for field in FIELDS:
        front_desk.start_anew()
        answer = send(**{field: attack})
        mails = front_desk.mails()
        if answer.status_code == 422:
            assert (front_desk.inquiries(), mails) == (0, []), field
            continue
        assert answer.status_code in (201, 303), field
        (mail,) = mails
        check_mail(mail, {**EMPTY, field: attack}, clinic.topic("billing").mailboxes[0])
        if field != "name":
            assert mail.message["Subject"].endswith("Billing question from Ada Example")


@pytest.mark.parametrize("attack", hostile.SMTP + hostile.DOTS[3:])
@pytest.mark.parametrize("field", ["name", "email", "phone", "best_time"])
def test_a_line_field_with_two_lines_is_refused_and_shown_again(
    front_desk: FrontDesk, field: str, attack: str
) -> None:
    answer = front_desk.by_form(**{field: attack})
    assert answer.status_code == 422
    assert EMPTY["message"].replace("\r\n", "\n") in answer.text.replace("\r\n", "\n")


@pytest.mark.parametrize("attack", hostile.ENCODED)
def test_an_encoded_word_reaches_the_subject_as_plain_letters(
    front_desk: FrontDesk, attack: str
) -> None:
    assert front_desk.by_form(name=attack).status_code == 303
    (mail,) = front_desk.mails()
    assert mail.message["Subject"].endswith(attack.replace("=?", "= ?"))
