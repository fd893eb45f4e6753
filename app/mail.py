"""The way to send email that the settings choose.

Each transport is imported when it is chosen: their libraries take 20 to 40 MB, and web processes
send nothing.
"""

# ruff: noqa: PLC0415

import json
import re
from typing import TYPE_CHECKING

from app.clinic import Clinic
from app.outbox.transports import Transport
from config import Settings

if TYPE_CHECKING:
    from app.outbox.transports.tokens import TokenSource

# Where passwords end: hosts, what happens when, and what to do. Microsoft: message MC786329,
# update of January 27, 2026.
PASSWORD_WARNINGS = (
    (
        re.compile(r"(?:.*\.)?(?:office365\.com|outlook\.com)", re.IGNORECASE),
        "Microsoft turns off SMTP passwords at the end of December 2026: email then waits",
        "Set up OAuth 2.0 before: docs/mail.md#microsoft-365-with-oauth-20",
    ),
    (
        re.compile(r"(?:.*\.)?(?:gmail|google|googlemail)\.com", re.IGNORECASE),
        "Google accepts app passwords only until an administrator turns them off: email then waits",
        "Set up OAuth 2.0 before: docs/mail.md#google-workspace-with-oauth-20",
    ),
)


def password_warning(settings: Settings) -> tuple[str, str] | None:
    """Return what will happen to this site's login and what to do; None if nothing is known."""
    if settings.mail_uses_password:
        for host, text, advice in PASSWORD_WARNINGS:
            if host.fullmatch(settings.mail_server):
                return text, advice
    return None


def build_transport(settings: Settings, clinic: Clinic) -> Transport:
    """Return the transport of ``settings``. It does not connect before something is sent."""
    sender = settings.mail_default_sender or clinic.email
    auto_submitted = settings.mail_auto_submitted
    match settings.mail_transport:
        case "microsoft-graph":
            from app.outbox.transports.microsoft import CLOUDS
            from app.outbox.transports.microsoft_graph import GraphTransport

            host = CLOUDS[settings.mail_microsoft_cloud].graph
            return GraphTransport(
                host=host,
                mailbox=settings.mail_mailbox or sender,
                tokens=_microsoft_tokens(settings, host, "Mail.Send"),
                sender=sender,
                auto_submitted=auto_submitted,
            )
        case "amazon-ses":
            from app.outbox.transports.amazon_ses import SESTransport

            region = settings.mail_ses_region
            return SESTransport(region=region, sender=sender, auto_submitted=auto_submitted)
        case _:
            return _smtp_transport(settings, sender)


def _smtp_transport(settings: Settings, sender: str) -> Transport:
    from app.outbox.transports.smtp import SMTPTransport

    mailbox = settings.mail_mailbox or sender
    tokens = _smtp_tokens(settings, mailbox)
    return SMTPTransport(
        server=settings.mail_server,
        port=settings.mail_port,
        use_tls=settings.mail_use_tls and not settings.mail_use_ssl,
        use_ssl=settings.mail_use_ssl,
        username=mailbox if tokens else settings.mail_username,
        password=settings.mail_password.get_secret_value(),
        tokens=tokens,
        sender=sender,
        auto_submitted=settings.mail_auto_submitted,
    )


def _smtp_tokens(settings: Settings, mailbox: str) -> "TokenSource | None":
    if settings.mail_auth == "password":
        return None
    if settings.mail_oauth_provider == "google":
        from app.outbox.transports.google import GoogleTokens

        key = json.loads(settings.mail_google_service_account.get_secret_value())
        return GoogleTokens(key=key, mailbox=mailbox)
    from app.outbox.transports.microsoft import CLOUDS

    exchange = CLOUDS[settings.mail_microsoft_cloud].exchange
    return _microsoft_tokens(settings, exchange, "SMTP.SendAsApp")


def _microsoft_tokens(settings: Settings, resource: str, permission: str) -> "TokenSource":
    from app.outbox.transports.microsoft import CLOUDS, MicrosoftTokens

    client_secret = settings.mail_microsoft_client_secret.get_secret_value()
    return MicrosoftTokens(
        cloud=CLOUDS[settings.mail_microsoft_cloud],
        tenant=settings.mail_microsoft_tenant,
        client_id=settings.mail_microsoft_client_id,
        credential=client_secret or settings.mail_microsoft_certificate.get_secret_value(),
        resource=resource,
        permission=permission,
    )
