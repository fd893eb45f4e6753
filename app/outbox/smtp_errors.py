"""Classifies SMTP errors by what to do next.

- PermanentError: this recipient or this content will never be accepted (5xx);
- TemporaryError: this attempt failed, another may succeed (4xx, timeouts, lost connections);
- TransportUnavailable: no message can be sent now (connection, TLS, authentication, sender
  refused). It does not count against the message.
"""

import re
import smtplib

from app.outbox.models import Outcome, OutgoingEmail

TOO_LARGE = 552  # at MAIL FROM: larger than the server accepts
AUTHENTICATION_CODES = (530, 534, 535, 538)  # RFC 4954: about our login, not the recipient
RELAYING = re.compile(r"relay|authenticat", re.IGNORECASE)  # "Relay access denied"
ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


class SendError(Exception):
    """The message was not accepted. ``code`` is the SMTP reply code, if there was one."""

    outcome = Outcome.FAILED

    def __init__(self, reply: str, code: int | None = None) -> None:
        super().__init__(reply)
        self.code = code


class PermanentError(SendError):
    """Do not send this message to this recipient again."""

    outcome = Outcome.REFUSED


class TemporaryError(SendError):
    """Try again later."""


class TransportUnavailable(SendError):  # noqa: N818
    """No message can be sent for now."""

    outcome = Outcome.UNAVAILABLE


def transport_unavailable(error: Exception) -> TransportUnavailable:
    """Classify an ``error`` before the message was sent: connecting, TLS or login."""
    code, reply = _reply(error)
    return TransportUnavailable(_describe(error, reply), code)


def classify_error(error: Exception, email: OutgoingEmail) -> SendError:
    """Classify an ``error`` while ``email`` was being sent."""
    code, reply = _reply(error)
    error_class = _error_class(error, code or 0, reply, email)
    if not _is_quotable(error, email):
        status = ENHANCED_CODE.match(reply)
        reply = f"{status[0]} " if status else ""
        reply += "(reply not stored: it may quote the message)"
    return error_class(_describe(error, reply), code)


def _error_class(error: Exception, code: int, reply: str, email: OutgoingEmail) -> type[SendError]:
    """Whether the server, the message or neither caused an error after connecting.

    A refused recipient with a reply about relaying means that our login is wrong, but not for
    an acknowledgement: the visitor chose that address, and one at relay.example must not stop
    all email.
    """
    if isinstance(error, smtplib.SMTPSenderRefused):
        return PermanentError if code == TOO_LARGE else TransportUnavailable
    if isinstance(error, smtplib.SMTPHeloError) or code in AUTHENTICATION_CODES:
        return TransportUnavailable
    refused = isinstance(error, smtplib.SMTPRecipientsRefused) and not email.is_acknowledgement
    if refused and RELAYING.search(reply):
        return TransportUnavailable
    return PermanentError if 500 <= code < 600 else TemporaryError


def _is_quotable(error: Exception, email: OutgoingEmail) -> bool:
    """Whether the reply may be stored. Once the server has seen what a visitor wrote, its
    reply may repeat it ("rejected: subject …").
    """
    seen_content = isinstance(error, smtplib.SMTPDataError)
    return not seen_content and not (
        email.is_acknowledgement and isinstance(error, smtplib.SMTPRecipientsRefused)
    )


def _reply(error: Exception) -> tuple[int | None, str]:
    """The server's reply code and text; without a reply, None and the text of ``error``."""
    code, reply = getattr(error, "smtp_code", None), getattr(error, "smtp_error", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reply = next(iter(error.recipients.values()))
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply or error)
    return code if isinstance(code, int) and code > 0 else None, text


def _describe(error: Exception, reply: str) -> str:
    """The type of ``error`` and ``reply`` in one printable line of at most 300 characters."""
    printable = "".join(char if char.isprintable() else " " for char in reply)
    return f"{type(error).__name__}: {printable}"[:300]
