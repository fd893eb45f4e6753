"""The mail server: can we reach it, does it prove who it is, does it let us in?"""

from datetime import datetime
from email.utils import make_msgid

from app.clinic import Clinic
from app.diagnostics.result import CheckResult, failed, ok, warning
from app.outbox import smtp, smtp_errors
from app.outbox.models import OutgoingEmail
from app.outbox.signals import SignalHandler
from app.outbox.stats import TransportFault, classify_fault
from config import Settings

KNOCK = 20.0  # seconds
SEND = 60.0  # seconds
ADVICE = {
    TransportFault.AUTHENTICATION: "Correct MAIL_USERNAME and MAIL_PASSWORD",
    TransportFault.TLS: (
        "Use the name that the server's certificate is made out to, and the port that goes with"
        " MAIL_USE_TLS (587) or MAIL_USE_SSL (465)"
    ),
    TransportFault.SENDER: "Correct MAIL_DEFAULT_SENDER, or let the server accept it",
    TransportFault.CONNECTION: "Correct MAIL_SERVER and MAIL_PORT, or start the mail server",
}


def check_mail_server(settings: Settings) -> CheckResult:
    """Connect, verify and log in, and send nothing. Works in an application context."""
    part, there = "mail server", f"{settings.mail_server}:{settings.mail_port}"
    if not settings.mail_server:
        return warning(part, "MAIL_SERVER is not set: mail goes nowhere", "Set it")
    try:
        with SignalHandler(deadline=KNOCK).attempt():
            smtp.check_connection()
    except (smtp_errors.TransportUnavailable, TimeoutError) as error:
        return failed(part, f"{there}: {error}", ADVICE[classify_fault(str(error))])
    tls = "TLS verified" if settings.mail_tls else "no TLS"
    login = "logged in" if settings.mail_username else "no login"
    return ok(part, f"{there} answers, {tls}, {login}")


def send_test(address: str, clinic: Clinic, now: datetime) -> CheckResult:
    """Send one real mail to ``address``, past the outbox. Works in an application context."""
    part = "test mail"
    words = f"This mail shows that mail from {clinic.name} arrives."
    mail = OutgoingEmail(
        recipient=address,
        sender_name=clinic.name,
        subject=f"Test mail from {clinic.name}",
        text=f"{words}\n",
        html=f"<main><p>{words}</p></main>",
        reference="test",
    )
    message_id = make_msgid("test", domain=clinic.email.rpartition("@")[2])
    try:
        with SignalHandler(deadline=SEND).attempt():
            smtp.send(mail, message_id=message_id, date=now, on_data_sent=lambda: None)
    except (smtp_errors.SendError, TimeoutError) as error:
        code = f"{error.code} " if isinstance(error, smtp_errors.SendError) and error.code else ""
        return failed(part, f"not taken: {code}{error}", ADVICE[classify_fault(str(error))])
    return ok(part, f"taken by the mail server for {address}: see that it arrives, not as spam")
