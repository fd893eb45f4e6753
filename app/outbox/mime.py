"""Builds the MIME message of an email, the same for every transport."""

import re
from datetime import datetime
from email import policy
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.mime.base import MIMEBase
from email.utils import formataddr

import flask_mail
from flask import current_app

from app.outbox.models import OutgoingEmail

LINE_BREAKS_AND_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAX_LINE = 78  # RFC 5322 2.1.1
MAX_ENCODED_LINE = 76  # RFC 2047 section 2: of a line with an encoded word

# Sends headers in the lines that they have; Python's newer policies lose spaces in 3.11.
KEEP_LINES = policy.compat32.clone(linesep="\r\n")
# Encodes text of any line length and script as short ASCII lines: RFC 5322 2.1.1 allows 998
# octets a line, and a paragraph typed without Enter is longer.
UTF_8 = Charset("utf-8")
UTF_8.header_encoding = BASE64
UTF_8.body_encoding = QP


class Message(flask_mail.Message):
    """Flask-Mail encodes names and subjects so that some programs read a second mailbox, or
    lose spaces. These are read by all as they were meant.
    """

    def _message(self) -> MIMEBase:
        # Flask-Mail looks up an option here. The transports do not use it.
        current_app.extensions.setdefault("mail", flask_mail.Mail().init_mail({}))
        message = super()._message()
        message.policy = KEEP_LINES
        message.replace_header("Subject", encode_subject(self.subject))
        message.replace_header("From", encode_mailbox(*self.sender))
        return message

    def as_wire_bytes(self) -> bytes:
        """The message as SMTP carries it: it ends with a line break."""
        content: bytes = self.as_bytes()
        return content if content.endswith(b"\r\n") else content + b"\r\n"

    @property
    def envelope_recipient(self) -> str:
        """The one recipient, with the domain in ASCII."""
        (recipient,) = flask_mail.sanitize_addresses(self.recipients)
        return str(recipient)


def build_message(
    email: OutgoingEmail,
    *,
    sender: str,
    message_id: str,
    date: datetime,
    auto_submitted: bool = True,
) -> Message:
    """The message, from the address ``sender``. With ``auto_submitted``, one to the front desk
    says that a program sent it. Needs an application context.
    """
    # RFC 3834: an acknowledgement replies to a message, a notification does not. Without the
    # header, automatic replies to an acknowledgement would come back to the clinic.
    headers = {"Auto-Submitted": "auto-replied" if email.is_acknowledgement else "auto-generated"}
    if not (auto_submitted or email.is_acknowledgement):
        headers = {}
    message = Message(
        # A visitor's "=?" stays text even for programs that decode twice.
        subject=_one_line(email.subject).replace("=?", "= ?"),
        recipients=[email.recipient],
        sender=sender,
        body=email.text,
        html=email.html,
        reply_to=email.reply_to,
        date=date.timestamp(),
        charset=UTF_8,  # type: ignore[arg-type]  # Flask-Mail's type says str
        extra_headers=headers,
    )
    # Message() would join name and address and parse them again, which breaks "Roe, MD".
    message.sender = (_one_line(email.sender_name), sender)
    message.msgId = message_id
    return message


def encode_subject(text: str) -> str:
    """The value of the Subject header, folded."""
    is_short = len("Subject: ") + len(text) <= MAX_LINE
    return text if is_short and _is_plain(text) else _encoded_words("Subject", text)


def encode_mailbox(name: str, address: str) -> str:
    """The value of the From header, folded: one mailbox with this display name."""
    mailbox = formataddr((name, address)) if _is_plain(name) else ""
    if mailbox and len("From: ") + len(mailbox) <= MAX_LINE:
        return mailbox
    return f"{_encoded_words('From', name)}\r\n <{address}>"


def _is_plain(text: str) -> bool:
    """Whether all programs read ``text`` as it is: no encoded word, no spaces to be removed."""
    return text.isascii() and "=?" not in text and text == " ".join(text.split())


def _encoded_words(header: str, text: str) -> str:
    """All of ``text`` in encoded words: a space between two of them, or between one of them and
    a quoted string, is read in different ways (RFC 2047 sections 5 and 6.2).
    """
    return Header(text, UTF_8, MAX_ENCODED_LINE, header).encode(linesep="\r\n")


def _one_line(text: str) -> str:
    return LINE_BREAKS_AND_CONTROLS.sub(" ", text)
