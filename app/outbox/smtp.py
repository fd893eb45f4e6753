"""Sends email by SMTP, through Flask-Mail. No other module speaks SMTP.

Flask-Mail connects without a timeout, does not verify certificates, and reports a delivered
message as failed when QUIT fails; the connection below fixes all three. Errors are classified
in ``smtp_errors``.
"""

import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from flask_mail import Connection, Mail

from app.outbox.mime import build_message, default_sender
from app.outbox.models import OutgoingEmail
from app.outbox.signals import StopRequested
from app.outbox.smtp_errors import connection_error, sending_error

COMMAND_TIMEOUT = 60.0  # seconds without a byte; RFC 5321 4.5.3.2 allows servers up to 300
FINAL_REPLY_TIMEOUT = 600.0  # RFC 5321 4.5.3.2.6: ten minutes for the reply to the final dot
FINAL_DOT = b"\r\n.\r\n"


def init_mail(  # noqa: PLR0913  (each is one setting)
    app: Flask,
    *,
    server: str,
    port: int,
    sender: str,
    use_tls: bool = False,
    use_ssl: bool = False,
    username: str = "",
    password: str = "",
    auto_submitted: bool = True,
) -> None:
    """Configure Flask-Mail. ``sender`` is the address in From and MAIL FROM. With
    ``auto_submitted``, email to the front desk says that a program sent it.

    Sending is never suppressed, and the debug output, which would print what visitors wrote,
    is off.
    """
    app.config.update(
        MAIL_SERVER=server,
        MAIL_PORT=port,
        MAIL_USE_TLS=use_tls,
        MAIL_USE_SSL=use_ssl,
        MAIL_USERNAME=username or None,
        MAIL_PASSWORD=password or None,
        MAIL_DEFAULT_SENDER=sender,
        MAIL_SUPPRESS_SEND=False,
        MAIL_DEBUG=0,
        MAIL_AUTO_SUBMITTED=auto_submitted,
    )
    Mail(app)


def send(
    email: OutgoingEmail, *, message_id: str, date: datetime, on_data_sent: Callable[[], None]
) -> None:
    """Send ``email`` once. Returns when the server has accepted it (250).

    ``on_data_sent`` is called just before the final dot; from then on only the server knows
    whether it accepts the message.
    Raises SendError.
    """
    message = build_message(email, message_id=message_id, date=date)
    with _Connection(on_data_sent) as connection:
        try:
            connection.send(message, envelope_from=default_sender())
        except (OSError, smtplib.SMTPException) as error:
            raise sending_error(error, email) from error


def check_connection() -> None:
    """Connect, start TLS and log in without sending. Raises TransportUnavailable."""
    with _Connection(on_data_sent=lambda: None):
        pass


class _Connection(Connection):
    """A Flask-Mail connection with timeouts, verified TLS, and no QUIT."""

    def __init__(self, on_data_sent: Callable[[], None]) -> None:
        super().__init__(current_app.extensions["mail"])
        self._on_data_sent = on_data_sent

    def configure_host(self) -> smtplib.SMTP:
        try:
            return self._connect()
        except StopRequested:
            raise
        except Exception as error:
            raise connection_error(error) from error

    def _connect(self) -> smtplib.SMTP:
        mail = self.mail
        # Created for each message, so that an updated certificate store takes effect.
        context = ssl.create_default_context() if mail.use_ssl or mail.use_tls else None
        host: _SMTP
        if mail.use_ssl:
            host = _SMTPS(mail.server, mail.port, timeout=COMMAND_TIMEOUT, context=context)
        else:
            host = _SMTP(mail.server, mail.port, timeout=COMMAND_TIMEOUT)
        host.on_data_sent = self._on_data_sent
        try:
            assert host.sock is not None
            # The final dot is a packet of its own: do not wait 40 ms for the ACK of the body.
            host.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if mail.use_tls:
                host.starttls(context=context)
            if mail.username and mail.password:
                host.login(mail.username, mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, *_error: object) -> None:
        # No QUIT: after the message is accepted a bad reply can only do harm, and a slow one
        # delays the next message.
        if self.host is not None:
            with suppress(OSError):
                self.host.close()


class _SMTP(smtplib.SMTP):
    """Calls ``on_data_sent`` before the final dot, after which the server may accept. Also logs
    in with names and passwords that are not ASCII, which smtplib cannot encode.
    """

    on_data_sent: Callable[[], None]

    def login(self, user: str, password: str, **options: Any) -> tuple[int, bytes]:
        if f"{user}{password}".isascii():
            return super().login(user, password, **options)
        self.ehlo_or_helo_if_needed()
        if "PLAIN" not in self.esmtp_features.get("auth", "").split():
            raise smtplib.SMTPNotSupportedError(
                "MAIL_USERNAME or MAIL_PASSWORD is not ASCII, which needs a server with AUTH PLAIN"
            )
        credentials = f"\0{user}\0{password}".encode()  # UTF-8: RFC 4616 section 2
        code, reply = self.docmd("AUTH", f"PLAIN {b64encode(credentials).decode()}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, reply)
        return code, reply

    def send(self, s: Any) -> None:
        if isinstance(s, bytes) and s.endswith(FINAL_DOT):  # commands are str: this is the body
            super().send(s[:-3])
            self.on_data_sent()
            assert self.sock is not None
            self.sock.settimeout(FINAL_REPLY_TIMEOUT)
            s = s[-3:]
        super().send(s)


class _SMTPS(_SMTP, smtplib.SMTP_SSL):
    pass
