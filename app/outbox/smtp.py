"""The only file that speaks SMTP, through Flask-Mail.

Flask-Mail opens its connection without a timeout, does not verify
certificates, and lets a failing QUIT turn a delivered mail into an error; the
connection below does better on all three. What can go wrong stands in ``refusal``.
"""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from email.charset import BASE64, QP, Charset
from typing import Any

from flask import Flask, current_app
from flask_mail import Connection, Mail, Message

from app.outbox.models import OutgoingEmail
from app.outbox.smtp_errors import classify_error, transport_unavailable

COMMAND_TIMEOUT = 60.0  # seconds without a byte; RFC 5321 4.5.3.2 allows servers up to 300
FINAL_REPLY_TIMEOUT = 600.0  # RFC 5321 4.5.3.2.6: ten minutes for the answer to the final dot
FINAL_DOT = b"\r\n.\r\n"

# Lines of any length, and letters of any script, in short lines of ASCII: RFC 5322 2.1.1
# allows 998 octets a line, and a paragraph typed without Enter is longer.
QUOTED = Charset("utf-8")
QUOTED.header_encoding = BASE64
QUOTED.body_encoding = QP


@dataclass(frozen=True)
class SMTPSettings:
    """How to reach the relay. ``sender`` is the address in From and MAIL FROM."""

    server: str
    port: int
    sender: str
    use_tls: bool = False
    use_ssl: bool = False
    username: str = ""
    password: str = ""


def init_mail(app: Flask, relay: SMTPSettings) -> None:
    """Hand the settings to Flask-Mail. It always sends: never suppressed, never traced
    (its debug output would print what visitors wrote).
    """
    app.config.update(
        MAIL_SERVER=relay.server,
        MAIL_PORT=relay.port,
        MAIL_USE_TLS=relay.use_tls,
        MAIL_USE_SSL=relay.use_ssl,
        MAIL_USERNAME=relay.username or None,
        MAIL_PASSWORD=relay.password or None,
        MAIL_DEFAULT_SENDER=relay.sender,
        MAIL_SUPPRESS_SEND=False,
        MAIL_DEBUG=0,
    )
    Mail(app)


def send(
    mail: OutgoingEmail, *, message_id: str, date: datetime, on_data_sent: Callable[[], None]
) -> int:
    """Send ``mail`` once; returns the SMTP code that accepted it (250).

    ``on_data_sent`` is called when the end of the data is about to go out: from then
    on nobody but the relay knows whether the mail was taken.
    Raises PermanentError, TemporaryError or TransportUnavailable.
    """
    sender = current_app.extensions["mail"].default_sender
    message = Message(
        subject=mail.subject.replace("=?", "= ?"),  # no encoded word but our own
        recipients=[mail.recipient],
        body=mail.text,
        html=mail.html,
        sender=sender,
        reply_to=mail.reply_to,
        date=date.timestamp(),
        charset=QUOTED,  # type: ignore[arg-type]  # more than a name
        # RFC 3834: the one is an answer to a message, the other is none.
        extra_headers={
            "Auto-Submitted": f"auto-{'replied' if mail.is_acknowledgement else 'generated'}"
        },
    )
    message.msgId = message_id
    # Given to Message(), name and address are joined and parsed again: "Roe, MD" breaks.
    message.sender = (mail.sender_name, sender)
    with ExitStack() as stack:
        connection = _connect(stack, on_data_sent)
        try:
            connection.send(message, envelope_from=sender)
        except (OSError, smtplib.SMTPException) as error:
            raise classify_error(error, mail) from error
    return 250


def check_connection() -> None:
    """Connect, encrypt and log in as for a mail, and leave. Raises TransportUnavailable."""
    with ExitStack() as stack:
        _connect(stack, on_data_sent=lambda: None)


def _connect(stack: ExitStack, on_data_sent: Callable[[], None]) -> Connection:
    try:
        return stack.enter_context(_Connection(current_app.extensions["mail"], on_data_sent))
    except (OSError, smtplib.SMTPException) as error:
        raise transport_unavailable(error) from error


class _Connection(Connection):
    """A Flask-Mail connection with timeouts, verified TLS, and no QUIT."""

    def __init__(self, mail: Mail, on_data_sent: Callable[[], None]) -> None:
        super().__init__(mail)
        self._on_dot = on_data_sent

    def configure_host(self) -> smtplib.SMTP:
        mail = self.mail
        # Read anew for each mail, so that a mended certificate store is noticed.
        verify = ssl.create_default_context() if mail.use_ssl or mail.use_tls else None
        host: _SMTP | _SMTPS
        if mail.use_ssl:
            host = _SMTPS(mail.server, mail.port, timeout=COMMAND_TIMEOUT, context=verify)
        else:
            host = _SMTP(mail.server, mail.port, timeout=COMMAND_TIMEOUT)
        host.on_data_sent = self._on_dot
        try:
            assert host.sock is not None
            # The dot goes out by itself: it must not wait 40 ms for the body's ACK.
            host.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if mail.use_tls:
                host.starttls(context=verify)
            if mail.username and mail.password:
                host.login(mail.username, mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, *_error: object) -> None:
        # No QUIT: once the mail is taken its answer can only do harm, and a
        # server that waits for it holds the mailer up.
        if self.host is not None:
            with suppress(OSError):
                self.host.close()


class _FinalDotMixin(smtplib.SMTP):
    """``smtplib.SMTP`` that tells the moment after which a mail may have been taken."""

    on_data_sent: Callable[[], None]

    def send(self, s: Any) -> None:
        if isinstance(s, bytes) and s.endswith(FINAL_DOT):  # commands are str: this is the body
            super().send(s[:-3])
            self.on_data_sent()
            assert self.sock is not None
            self.sock.settimeout(FINAL_REPLY_TIMEOUT)
            s = s[-3:]
        super().send(s)


class _SMTP(_FinalDotMixin):
    pass


class _SMTPS(_FinalDotMixin, smtplib.SMTP_SSL):
    pass
