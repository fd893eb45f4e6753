"""What can go wrong while a mail is sent, told by type, because what to do next differs.

- PermanentError: this recipient or this content will never be taken (5xx);
- TemporaryError: this attempt failed, another may succeed (4xx, time-outs, drops);
- TransportUnavailable: nothing can be sent now, whatever the message (connection, TLS,
  authentication, our sender refused). No message is to blame.
"""

import re
import smtplib

from app.outbox.models import Outcome, OutgoingEmail

TOO_LARGE = 552  # at MAIL FROM: this mail is larger than the relay takes
LOGIN_WANTED = (530, 534, 535, 538)  # RFC 4954: it is our login that is refused, no recipient
RELAYING = re.compile(r"relay|authenticat", re.IGNORECASE)  # "Relay access denied"
ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


class SendError(Exception):
    """The mail was not taken. ``code`` is the SMTP reply code, if there was one."""

    outcome = Outcome.FAILED

    def __init__(self, said: str, code: int | None = None) -> None:
        super().__init__(said)
        self.code = code


class PermanentError(SendError):
    """Never to be tried again as it is."""

    outcome = Outcome.REFUSED


class TemporaryError(SendError):
    """To be tried again later."""


class TransportUnavailable(SendError):  # noqa: N818
    """No mail can be sent at all for now."""

    outcome = Outcome.UNAVAILABLE


def transport_unavailable(error: Exception) -> TransportUnavailable:
    """``error`` came before any mail was spoken of."""
    return TransportUnavailable(_words(error), _code(error))


def classify_error(error: Exception, mail: OutgoingEmail) -> SendError:
    """``error`` came while ``mail`` was being sent."""
    return _kind(error, mail)(_words(error, quotable=_is_quotable(error, mail)), _code(error))


def _kind(error: Exception, mail: OutgoingEmail) -> type[SendError]:
    """Who is to blame for a failure after the connection stood: relay, mail, or nobody.

    The words of a refused recipient tell of relaying, but not where a visitor chose
    the address: one at relay.example must not stop all mail.
    """
    code = _code(error) or 0
    if isinstance(error, smtplib.SMTPSenderRefused):
        return PermanentError if code == TOO_LARGE else TransportUnavailable
    if isinstance(error, smtplib.SMTPHeloError) or code in LOGIN_WANTED:
        return TransportUnavailable
    refused = isinstance(error, smtplib.SMTPRecipientsRefused) and not mail.is_acknowledgement
    if refused and RELAYING.search(_words(error)):
        return TransportUnavailable
    return PermanentError if 500 <= code < 600 else TemporaryError


def _code(error: Exception) -> int | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0]
    code = getattr(error, "smtp_code", None)
    return code if isinstance(code, int) and code > 0 else None


def _is_quotable(error: Exception, mail: OutgoingEmail) -> bool:
    """Whether what the relay said may be written down: not once it has seen what a visitor
    wrote, for it may say it back ("rejected: subject …").
    """
    seen_all = isinstance(error, smtplib.SMTPDataError)
    return not seen_all and not (
        mail.is_acknowledgement and isinstance(error, smtplib.SMTPRecipientsRefused)
    )


def _words(error: Exception, *, quotable: bool = True) -> str:
    """What went wrong in one printable line of at most 300 characters; of what is not
    ``quotable`` only the code of RFC 3463.
    """
    said: object = getattr(error, "smtp_error", None) or error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        said = next(iter(error.recipients.values()))[1]
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    if not quotable:
        status = ENHANCED_CODE.match(text)
        text = f"{status[0]} " if status else ""
        text += "(its words are not kept, they may quote the mail)"
    printable = "".join(char if char.isprintable() else " " for char in text)
    return f"{type(error).__name__}: {printable}"[:300]
