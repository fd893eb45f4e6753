# ruff: noqa: RUF001  (names in many scripts)
"""From and Subject say exactly what was meant, to every reader.

Judged by a decoder that allows only what RFC 2047 does, and by Python's own two parsers.
"""

import random
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest
from flask import Flask

from app.outbox.mime import build_message
from app.outbox.models import OutgoingEmail
from tests.outbox.conftest import EMAIL
from tests.support.smtp_relay import Relay
from tests.support.transports import transport_of

SENDER = "no-reply@clinic.example"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENCODED_WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/]+=*)\?=")

CLINICS = (
    "Clinic",
    "Roe, MD",
    "Harbor Clinic (New York)",
    "Ketamine Clinic™ – New York, NY",
    'The "Harbor" Clinic, Inc.',
    "Praxis für Schmerztherapie, Dr. Müller",
    "Centre Médical (Genève)",
    'Dr. José "Pepe" Núñez, M.D., and Partners of the Harbor',
    "诊所, 有限公司",
    "Smith & Sons: East; West",
    "Clinic @ Main <North>",
    "C:\\Clinic\\",
    'A "',
    "=?utf-8?q?Clinic?=",
    "Two  spaces",
    "The Harbor Clinic for Infusion Therapy, Anesthesiology and Interventional Psychiatry, P.A.",
    "Клиника «Гавань», ООО",
    "عيادة الميناء، الطابق الثاني",
    "港クリニック（東京都港区）",
)
TOPICS = ("Billing question", "Запись на приём", "Première consultation", "初診のご予約", "A: B; C")
GIVEN = (
    "Ada", "José María", "Александр Сергеевич", "Ελένη", "محمد بن", "יעל", "अनीता", "สมชาย",
    "小明", "さくら", "민준", "ნინო", "Արամ", "Nguyễn Thị", "Zoë-Łucja", "J.R.", "O'Neil", "Ọlá",
    "👩‍⚕️", 'Ana "Nana"', "=?utf-8?b?QmNjOg==?=", "x" * 60, "ж" * 60,
)  # fmt: skip
FAMILY = (
    "Example", "Пушкин", "Παπαδοπούλου", "الأحمد", "כהן", "शर्मा", "ใจดี", "王", "山田", "김",
    "ბერიძე", "Petrosyan, Jr.", "Müller (she/her)", "de la Cruz y Fernández", "d’Arc",
)  # fmt: skip


@pytest.fixture(autouse=True)
def app_context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def build(email: OutgoingEmail) -> bytes:
    message_id = "<a@clinic.example>"
    return build_message(email, sender=SENDER, message_id=message_id, date=WHEN).as_wire_bytes()


def combinations() -> Iterator[OutgoingEmail]:
    """1,200 emails: every clinic, topic and name, and many of their combinations."""
    generator = random.Random(2047)
    for number in range(1200):
        name = f"{GIVEN[number % len(GIVEN)]} {generator.choice(FAMILY)}"
        subject = f"[K7R-4M2] {TOPICS[number % len(TOPICS)]} from {name}"
        urgent = "Please read now: " if generator.random() < 0.2 else ""
        clinic = CLINICS[number % len(CLINICS)]
        yield replace(EMAIL, subject=urgent + subject, sender_name=clinic, text="", html="")


def test_every_reader_reads_what_was_meant() -> None:
    for email in combinations():
        subject = email.subject.replace("=?", "= ?")
        content = build(email)
        assert decode(raw_header(content, "Subject")) == subject
        ((phrase, address),) = getaddresses([unfold(raw_header(content, "From"))])
        assert (decode(phrase), address) == (email.sender_name, SENDER)
        assert str(make_header(decode_header(phrase))) == email.sender_name
        parsed = message_from_bytes(content, policy=policy.default)
        assert str(parsed["Subject"]) == subject
        # Python 3.11 shows a space between two encoded words of a name.
        assert [mailbox.addr_spec for mailbox in parsed["From"].addresses] == [SENDER]


def raw_header(content: bytes, name: str) -> str:
    """The value as it was sent, in lines that are not too long."""
    headers = content.partition(b"\r\n\r\n")[0].decode("ascii")
    (header,) = re.findall(rf"^{name}: [^\r\n]*(?:\r\n[ \t][^\r\n]*)*", headers, re.MULTILINE)
    for line in header.split("\r\n"):
        assert len(line) <= (76 if ENCODED_WORD.search(line) else 78), line
    return str(header).removeprefix(f"{name}: ")


def unfold(value: str) -> str:
    """RFC 5322 section 2.2.3."""
    return re.sub(r"\r\n(?=[ \t])", "", value)


def decode(value: str) -> str:
    """RFC 2047 section 6.2: spaces between two encoded words are not part of the text. Each
    word is complete in itself, at most 75 characters long, and apart from other text.
    """
    text, spaces, after_encoded = "", "", False
    for token in re.split(r"([ \t]+)", unfold(value)):
        if not token or token.isspace():
            spaces = token
            continue
        match = ENCODED_WORD.fullmatch(token)
        assert match or "=?" not in token, token
        assert not match or len(token) <= 75
        text += "" if match and after_encoded else spaces
        text += b64decode(match[1], validate=True).decode("utf-8") if match else token
        spaces, after_encoded = "", bool(match)
    return text


def test_line_breaks_and_controls_never_reach_a_header() -> None:
    email = replace(EMAIL, subject="One\r\nBcc: x@y.example\x85\u2028Two", sender_name="A\nB: c")
    content = build(email)
    assert decode(raw_header(content, "Subject")) == "One  Bcc: x@y.example  Two"
    assert message_from_bytes(content)["Bcc"] is None
    assert message_from_bytes(content)["B"] is None


def test_a_long_address_is_not_broken() -> None:
    address = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example.com"
    email = replace(EMAIL, recipient=address, reply_to=address)
    content = build(email)
    parsed = message_from_bytes(content)
    for header in ("To", "Reply-To"):
        assert getaddresses([unfold(parsed[header])]) == [("", address)]


@pytest.mark.parametrize(
    ("setting", "acknowledgement", "sent"),
    [
        ("true", False, "auto-generated"),
        ("true", True, "auto-replied"),
        ("false", False, None),
        ("false", True, "auto-replied"),
    ],
)
def test_auto_submitted_can_be_left_out_of_email_to_the_front_desk(
    make_app: Callable[..., Flask],
    relay: Relay,
    setting: str,
    acknowledgement: bool,  # noqa: FBT001
    sent: str | None,
) -> None:
    email = replace(EMAIL, is_acknowledgement=acknowledgement)
    server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
    app = make_app(**server, MAIL_AUTO_SUBMITTED=setting)
    with app.app_context():
        transport_of(app).send(
            email, message_id="<a@clinic.example>", date=WHEN, on_data_sent=lambda: None
        )
    assert relay.received[0].message["Auto-Submitted"] == sent
