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
    """For an ``error`` before the message was sent: connecting, TLS or login."""
    return TransportUnavailable(_describe(error), _code(error))


def classify_error(error: Exception, email: OutgoingEmail) -> SendError:
    """For an ``error`` while ``email`` was being sent."""
    description = _describe(error, quotable=_is_quotable(error, email))
    return _error_class(error, email)(description, _code(error))


def _error_class(error: Exception, email: OutgoingEmail) -> type[SendError]:
    """Whether the server, the message or neither caused an error after connecting.

    A refused recipient with a reply about relaying means that our login is wrong, but not for
    an acknowledgement: the visitor chose that address, and one at relay.example must not stop
    all email.
    """
    code = _code(error) or 0
    if isinstance(error, smtplib.SMTPSenderRefused):
        return PermanentError if code == TOO_LARGE else TransportUnavailable
    if isinstance(error, smtplib.SMTPHeloError) or code in AUTHENTICATION_CODES:
        return TransportUnavailable
    refused = isinstance(error, smtplib.SMTPRecipientsRefused) and not email.is_acknowledgement
    if refused and RELAYING.search(_describe(error)):
        return TransportUnavailable
    return PermanentError if 500 <= code < 600 else TemporaryError


def _code(error: Exception) -> int | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0]
    code = getattr(error, "smtp_code", None)
    return code if isinstance(code, int) and code > 0 else None


def _is_quotable(error: Exception, email: OutgoingEmail) -> bool:
    """Whether the reply may be stored. Once the server has seen what a visitor wrote, its
    reply may repeat it ("rejected: subject …").
    """
    seen_content = isinstance(error, smtplib.SMTPDataError)
    return not seen_content and not (
        email.is_acknowledgement and isinstance(error, smtplib.SMTPRecipientsRefused)
    )


def _describe(error: Exception, *, quotable: bool = True) -> str:
    """The error in one printable line of at most 300 characters. A reply that is not
    ``quotable`` is reduced to its enhanced status code (RFC 3463).
    """
    reply: object = getattr(error, "smtp_error", None) or error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reply = next(iter(error.recipients.values()))[1]
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
    if not quotable:
        status = ENHANCED_CODE.match(text)
        text = f"{status[0]} " if status else ""
        text += "(reply not stored: it may quote the message)"
    printable = "".join(char if char.isprintable() else " " for char in text)
    return f"{type(error).__name__}: {printable}"[:300]
