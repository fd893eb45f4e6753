"""Checks of the mail server: connection, certificate, login and a test email."""

from datetime import datetime
from email.utils import make_msgid

from app.clinic import Clinic
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.outbox import smtp
from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import (
    RecipientRefused,
    SendError,
    TransportFault,
    TransportUnavailable,
)
from app.outbox.signals import SignalHandler
from config import Settings

CONNECT_TIMEOUT = 20.0  # seconds
SEND_TIMEOUT = 60.0  # seconds
ADVICE = {
    TransportFault.AUTHENTICATION: "Correct MAIL_USERNAME and MAIL_PASSWORD",
    TransportFault.TLS: (
        "Use the name in the server's certificate, and the port that goes with MAIL_USE_TLS (587)"
        " or MAIL_USE_SSL (465)"
    ),
    TransportFault.SENDER: (
        "Correct MAIL_DEFAULT_SENDER, or allow it on the server; its answer may name a limit"
    ),
    TransportFault.CONNECTION: "Correct MAIL_SERVER and MAIL_PORT, or start the mail server",
}


def check_mail_server(settings: Settings) -> CheckResult:
    """Connect, verify TLS and log in, without sending. Needs an application context."""
    check, server = "mail server", f"{settings.mail_server}:{settings.mail_port}"
    if not settings.mail_server:
        return warning(check, "MAIL_SERVER is not set: no email is sent", "Set it")
    try:
        with SignalHandler().time_limit(CONNECT_TIMEOUT):
            smtp.check_connection()
    except (TransportUnavailable, TimeoutError) as error:
        return failed(check, f"{server}: {error}", _advice(error))
    tls = "TLS verified" if settings.mail_is_encrypted else "no TLS"
    login = "logged in" if settings.mail_username else "no login"
    return ok(check, f"{server} answers, {tls}, {login}")


def send_test_email(address: str, clinic: Clinic, now: datetime) -> CheckResult:
    """Send one email to ``address``, bypassing the outbox. Needs an application context."""
    check = "test email"
    text = f"This is a test email from {clinic.name}."
    email = OutgoingEmail(
        recipient=address,
        sender_name=clinic.name,
        subject=f"Test email from {clinic.name}",
        text=f"{text}\n",
        html=f"<main><p>{text}</p></main>",
        reference="test",
    )
    message_id = make_msgid("test", domain=clinic.email_domain)
    try:
        with SignalHandler().time_limit(SEND_TIMEOUT):
            smtp.send(email, message_id=message_id, date=now, on_data_sent=lambda: None)
    except (SendError, TimeoutError) as error:
        code = f"{error.code} " if isinstance(error, SendError) and error.code else ""
        return failed(check, f"refused: {code}{error}", _advice(error))
    return ok(check, f"accepted by the mail server for {address}: check that it is not in spam")


def _advice(error: SendError | TimeoutError) -> str:
    if isinstance(error, RecipientRefused):
        return "Correct the address"
    if isinstance(error, SendError) and error.fault is None:
        return "Look up the answer in the mail server's log"
    return ADVICE[getattr(error, "fault", TransportFault.CONNECTION)]
