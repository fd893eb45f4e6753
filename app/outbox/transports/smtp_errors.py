"""Classifies the answers of SMTP servers: does a refusal blame the mailbox, the message or us?

Servers refuse us (sender, account, host, limit) where they refuse recipients: Postfix at RCPT,
others after DATA. So the enhanced status code decides (RFC 3463 and its IANA registry), then the
text, then the basic code and the command. What none of them decides blames us.
"""

import re
import smtplib
import ssl

from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import (
    MessageRefused,
    RecipientRefused,
    SendError,
    TemporaryFailure,
    TransportFault,
    TransportUnavailable,
)

AUTHENTICATION_CODES = (530, 534, 535, 538)  # RFC 4954
# After RCPT: the recipient is not local, or the mailbox is full (RFC 5321 4.2.3).
MAILBOX_REPLIES = (551, 552)
TOO_LARGE = 552  # after MAIL or DATA

# At the start, after "#" at Cisco; at the end in parentheses at qmail.
ENHANCED_CODE = re.compile(
    r"#?[245]\.(\d{1,3}\.\d{1,3})\b|.*\(#[245]\.(\d{1,3}\.\d{1,3})\)", re.DOTALL
)
RESULT_BY_STATUS: dict[str, type[SendError]] = {
    **dict.fromkeys(("1.1", "1.2", "1.3", "1.6", "1.10", "2.1", "2.2"), RecipientRefused),
    # Exchange: it receives too much, or lets only some write to it.
    **dict.fromkeys(("2.121", "2.122", "7.124", "7.129"), RecipientRefused),
    **dict.fromkeys(("7.133", "7.134", "7.135", "7.136"), RecipientRefused),
    **dict.fromkeys(("2.3", "3.4"), MessageRefused),  # too large; with 6.x: the content
    **dict.fromkeys(("1.7", "1.8", "4.5"), TransportUnavailable),  # with 5.x: the protocol
}

# These patterns are tried in this order. The second one needs only texts that the third matches.
CONTENT = re.compile(
    r"attachment|virus|malware|infected|phishing|\bcontent\b|likely (?:unsolicited|suspicious)"
    r"|\b(?:message|mail)\b.{0,60}\bspam\b(?! source)|\bspam message",
    re.IGNORECASE,
)
SENDER = re.compile(
    r"sender|from address|client host|\bhelo\b|\brelay(?:ing)?\b|authenticat|send as",
    re.IGNORECASE,
)
MAILBOX = re.compile(
    r"(?:user|recipient(?! address rejected)|mailbox)\b.{0,60}\b(?:unknown|not found|not exist"
    r"|doesn't exist|disabled|inactive|full|unavailable|over quota|(?:quota|limit) exceeded)\b"
    r"|\b(?:unknown|invalid|no such|no) (?:local )?(?:user|recipient|mailbox|address)\b"
    r"|recipient address rejected: (?:access denied|undeliverable|unverified)"
    r"|unrouteable address|over quota",
    re.IGNORECASE,
)
# A temporary answer that names us, not one that only asks to come back later.
SENDER_FOR_NOW = re.compile(
    r"(?:sender address|client host|helo command) rejected|relay\w* (?:access )?denied"
    r"|(?:domain|identity|sender|from address|your account)\b.{0,80}\b"
    r"(?:not (?:allowed|permitted|authorized|verified)|unverified|suspended|disabled|paused)\b",
    re.IGNORECASE,
)


def connection_error(error: Exception) -> TransportUnavailable:
    """The result of an ``error`` before a message was sent: connecting, TLS or login."""
    code, reply = _reply(error)
    # Other errors come from encoding the login, and their text may show a part of it.
    is_safe = isinstance(error, OSError | smtplib.SMTPException)
    text = reply if is_safe else "the login cannot be sent"
    return TransportUnavailable(_describe(error, code, text), code, _connection_fault(error))


def _connection_fault(error: Exception) -> TransportFault:
    # A server that offers STARTTLS and then refuses it raises a plain SMTPResponseException.
    refused_tls = type(error) is smtplib.SMTPResponseException or "STARTTLS" in str(error)
    if isinstance(error, ssl.SSLError) or refused_tls:
        return TransportFault.TLS
    if isinstance(error, smtplib.SMTPHeloError):
        return TransportFault.SENDER
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPServerDisconnected):
        return TransportFault.CONNECTION
    # SMTPNotSupportedError and SMTPException: no login, or no method that smtplib supports.
    is_network = isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException)
    return TransportFault.CONNECTION if is_network else TransportFault.AUTHENTICATION


def sending_error(error: Exception, email: OutgoingEmail) -> SendError:
    """The result of an ``error`` while ``email`` was being sent."""
    code, reply = _reply(error)
    result = _classify(error, code or 0, reply, email)
    shown = reply if _is_quotable(error, email) else _without_quotes(reply)
    answer = _describe(error, code, shown)
    if result is TransportUnavailable:
        is_login = code in AUTHENTICATION_CODES
        fault = TransportFault.AUTHENTICATION if is_login else TransportFault.SENDER
        return TransportUnavailable(answer, code, fault)
    return result(answer, code)


def _classify(error: Exception, code: int, reply: str, email: OutgoingEmail) -> type[SendError]:
    refuses_sender = isinstance(error, smtplib.SMTPSenderRefused)
    if code in AUTHENTICATION_CODES or isinstance(error, smtplib.SMTPHeloError):
        return TransportUnavailable
    if code >= 500:
        result = _blame(error, code, reply)
    else:  # also a lost connection or a timeout
        names_us = refuses_sender or SENDER_FOR_NOW.search(reply)
        result = TransportUnavailable if names_us else TemporaryFailure
    if refuses_sender and result is RecipientRefused:  # there is no recipient yet
        return TransportUnavailable
    if email.is_acknowledgement and not refuses_sender and result is TransportUnavailable:
        # The visitor chose the address. What its server says must not stop all other email.
        return TemporaryFailure
    return result


def _blame(error: Exception, code: int, reply: str) -> type[SendError]:
    """The result of a permanent refusal."""
    match = ENHANCED_CODE.match(reply)
    status = (match[1] or match[2]) if match else ""
    if status in RESULT_BY_STATUS:
        return RESULT_BY_STATUS[status]
    subject, _, detail = status.partition(".")
    if subject == "6":
        return MessageRefused
    if subject == "5" and detail != "0":  # .0 is "other or undefined"
        return TransportUnavailable
    for pattern, result in (
        (CONTENT, MessageRefused),
        (SENDER, TransportUnavailable),
        (MAILBOX, RecipientRefused),
    ):
        if pattern.search(reply):
            return result
    return TransportUnavailable if status else _blame_by_command(error, code)


def _blame_by_command(error: Exception, code: int) -> type[SendError]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return RecipientRefused if code in MAILBOX_REPLIES else TransportUnavailable
    return MessageRefused if code == TOO_LARGE else TransportUnavailable


def _is_quotable(error: Exception, email: OutgoingEmail) -> bool:
    """Whether the reply may be stored. Once the server has seen what a visitor wrote, its
    reply may repeat it ("rejected: subject …").
    """
    seen_content = isinstance(error, smtplib.SMTPDataError)
    return not seen_content and not (
        email.is_acknowledgement and isinstance(error, smtplib.SMTPRecipientsRefused)
    )


def _without_quotes(reply: str) -> str:
    status = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", reply)
    return f"{status[0] + ' ' if status else ''}(reply not stored: it may quote the message)"


def _reply(error: Exception) -> tuple[int | None, str]:
    """The server's reply code and text; without a reply, None and the text of ``error``."""
    code, reply = getattr(error, "smtp_code", None), getattr(error, "smtp_error", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reply = next(iter(error.recipients.values()))
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply or error)
    return code if isinstance(code, int) and code > 0 else None, " ".join(text.split())


def _describe(error: Exception, code: int | None, reply: str) -> str:
    return f"{code or f'{type(error).__name__}:'} {reply}"
