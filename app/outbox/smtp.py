"""Sends email by SMTP, through Flask-Mail. No other module speaks SMTP.

Flask-Mail connects without a timeout, does not verify certificates, and reports a delivered
message as failed when QUIT fails; the connection below fixes all three. Errors are classified
in ``smtp_errors``.
"""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.charset import BASE64, QP, Charset
from typing import Any

from flask import Flask, current_app
from flask_mail import Connection, Mail, Message

from app.outbox.models import OutgoingEmail
from app.outbox.smtp_errors import classify_error, transport_unavailable

COMMAND_TIMEOUT = 60.0  # seconds without a byte; RFC 5321 4.5.3.2 allows servers up to 300
FINAL_REPLY_TIMEOUT = 600.0  # RFC 5321 4.5.3.2.6: ten minutes for the reply to the final dot
FINAL_DOT = b"\r\n.\r\n"

# Encodes text of any line length and script as short ASCII lines: RFC 5322 2.1.1 allows 998
# octets a line, and a paragraph typed without Enter is longer.
QUOTED_PRINTABLE = Charset("utf-8")
QUOTED_PRINTABLE.header_encoding = BASE64
QUOTED_PRINTABLE.body_encoding = QP


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
) -> None:
    """Configure Flask-Mail. ``sender`` is the address in From and MAIL FROM.

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
    )
    Mail(app)


def send(
    email: OutgoingEmail, *, message_id: str, date: datetime, on_data_sent: Callable[[], None]
) -> None:
    """Send ``email`` once. Returns when the server has accepted it (250).

    ``on_data_sent`` is called just before the final dot; from then on only the server knows
    whether it accepts the message.
    Raises PermanentError, TemporaryError or TransportUnavailable.
    """
    sender = current_app.extensions["mail"].default_sender
    message = Message(
        subject=email.subject.replace("=?", "= ?"),  # not to be read as RFC 2047
        recipients=[email.recipient],
        body=email.text,
        html=email.html,
        sender=sender,
        reply_to=email.reply_to,
        date=date.timestamp(),
        charset=QUOTED_PRINTABLE,  # type: ignore[arg-type]  # Flask-Mail's type says str
        # RFC 3834: an acknowledgement replies to a message, a notification does not.
        extra_headers={
            "Auto-Submitted": f"auto-{'replied' if email.is_acknowledgement else 'generated'}"
        },
    )
    message.msgId = message_id
    # Message() would join name and address and parse them again, which breaks "Roe, MD".
    message.sender = (email.sender_name, sender)
    with _Connection(on_data_sent) as connection:
        try:
            connection.send(message, envelope_from=sender)
        except (OSError, smtplib.SMTPException) as error:
            raise classify_error(error, email) from error


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
        except (OSError, smtplib.SMTPException) as error:
            raise transport_unavailable(error) from error

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
    """Calls ``on_data_sent`` before the final dot, after which the server may accept."""

    on_data_sent: Callable[[], None]

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
