"""Checks of the way email is sent: token, connection, login and a test email."""

import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import make_msgid

from app.clinic import Clinic
from app.diagnostics.result import CheckResult, Level, failed, ok, warning
from app.mail import build_transport, password_warning
from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import RecipientRefused, SendError, TransportFault
from app.outbox.signals import SignalHandler
from config import Settings

CONNECT_TIMEOUT = 20.0  # seconds
SEND_TIMEOUT = 60.0  # seconds
# "Basic authentication is not supported", and "… is disabled for the Tenant" or the mailbox.
MICROSOFT_REFUSES_PASSWORDS = re.compile(r"\b5\.7\.(?:139|30)\b")
OAUTH_ADVICE = "Use OAuth 2.0: docs/mail.md#microsoft-365-with-oauth-20"
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
    TransportFault.LIMIT: "Nothing: sending resumes by itself. If it lasts, raise the limit there",
    TransportFault.TOKEN_ENDPOINT: "Check the tenant or key, and this machine's network and DNS",
    TransportFault.CLOCK: "Correct this machine's clock",
}
# What refuses to sign in, or to send, without a password in the settings.
PAGES = {
    "microsoft": "docs/mail.md#microsoft-365-with-oauth-20",
    "google": "docs/mail.md#google-workspace-with-oauth-20",
    "microsoft-graph": "docs/mail.md#microsoft-365-with-microsoft-graph",
    "amazon-ses": "docs/mail.md#amazon-ses",
}


def check_mail(settings: Settings, clinic: Clinic) -> list[CheckResult]:
    """Do everything but send. Needs an application context."""
    if settings.mail_transport == "smtp" and not settings.mail_server:
        return [warning("mail server", "MAIL_SERVER is not set: no email is sent", "Set it")]
    results = list(_check_transport(settings, clinic))
    if notice := password_warning(settings):
        results.append(warning("mail login", *notice))
    return results


def _check_transport(settings: Settings, clinic: Clinic) -> Iterator[CheckResult]:
    is_smtp = settings.mail_transport == "smtp"
    needs_token = settings.mail_auth == "oauth2" or settings.mail_transport == "microsoft-graph"
    check = "mail token" if needs_token else "mail server"
    try:
        with SignalHandler().time_limit(CONNECT_TIMEOUT):
            for finding in build_transport(settings, clinic).check():
                level = Level.WARNING if finding.advice else Level.OK
                yield CheckResult(finding.check, level, finding.text, finding.advice)
                check = "mail server"
    except (SendError, TimeoutError) as error:
        server = f"{settings.mail_server}:{settings.mail_port}: "
        place = server if is_smtp and check == "mail server" else ""
        yield failed(check, f"{place}{error}", _advice(settings, error))


def check_and_send(
    settings: Settings, clinic: Clinic, address: str, now: datetime
) -> list[CheckResult]:
    """Check what is configured and, if nothing failed, send a test email to ``address``."""
    results = check_mail(settings, clinic)
    if Level.FAILED not in [result.level for result in results]:
        results.append(send_test_email(settings, clinic, address, now))
    return results


def send_test_email(settings: Settings, clinic: Clinic, address: str, now: datetime) -> CheckResult:
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
            build_transport(settings, clinic).send(
                email, message_id=message_id, date=now, on_data_sent=lambda: None
            )
    except (SendError, TimeoutError) as error:
        return failed(check, f"refused: {error}", _advice(settings, error))
    return ok(check, f"accepted by the mail server for {address}: check that it is not in spam")


def _advice(settings: Settings, error: SendError | TimeoutError) -> str:
    if isinstance(error, RecipientRefused):
        return "Correct the address"
    if isinstance(error, SendError) and error.fault is None:
        return "Look up the answer in the mail server's log"
    if settings.mail_uses_password and MICROSOFT_REFUSES_PASSWORDS.search(str(error)):
        return f"Microsoft refuses passwords for SMTP here. {OAUTH_ADVICE}"
    fault = getattr(error, "fault", TransportFault.CONNECTION)
    page = PAGES.get(settings.mail_oauth_provider or settings.mail_transport)
    if page and fault in (TransportFault.AUTHENTICATION, TransportFault.SENDER):
        return f"Look up the answer in {page}"
    return ADVICE[fault]
