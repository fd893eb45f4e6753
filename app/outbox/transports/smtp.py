"""Sends email by SMTP, through Flask-Mail. No other module speaks SMTP.

Flask-Mail connects without a timeout, does not verify certificates, and reports a delivered
message as failed when QUIT fails; the connection below fixes all three. Errors are classified
in ``smtp_errors``.
"""

import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask_mail import Connection, Mail

from app.outbox.mime import Message
from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import SendError
from app.outbox.signals import StopRequested
from app.outbox.transports import Finding, Transport
from app.outbox.transports.smtp_errors import connection_error, sending_error

if TYPE_CHECKING:
    from app.outbox.transports.tokens import TokenSource  # loads httpx: 10 MB

COMMAND_TIMEOUT = 60.0  # seconds without a byte; RFC 5321 4.5.3.2 allows servers up to 300
FINAL_REPLY_TIMEOUT = 600.0  # RFC 5321 4.5.3.2.6: ten minutes for the reply to the final dot
FINAL_DOT = b"\r\n.\r\n"


class SMTPTransport(Transport):
    """``username`` logs in with ``password`` or, by OAuth 2.0, with a token of ``tokens``."""

    def __init__(  # noqa: PLR0913  (each is one setting)
        self,
        *,
        server: str,
        port: int,
        sender: str,
        use_tls: bool = False,
        use_ssl: bool = False,
        username: str = "",
        password: str = "",
        tokens: "TokenSource | None" = None,
        auto_submitted: bool = True,
    ) -> None:
        super().__init__(sender, auto_submitted=auto_submitted)
        self._tokens = tokens
        # Sending is never suppressed, and the debug output, which would print what visitors
        # wrote, is off.
        self.mail = Mail().init_mail(
            {
                "MAIL_SERVER": server,
                "MAIL_PORT": port,
                "MAIL_USE_TLS": use_tls,
                "MAIL_USE_SSL": use_ssl,
                "MAIL_USERNAME": username or None,
                "MAIL_PASSWORD": password or None,
                "MAIL_DEFAULT_SENDER": sender,
                "MAIL_SUPPRESS_SEND": False,
                "MAIL_DEBUG": 0,
            }
        )

    def _send(
        self, message: Message, email: OutgoingEmail, on_data_sent: Callable[[], None]
    ) -> int:
        with _Connection(self.mail, self._tokens, on_data_sent) as connection:
            try:
                connection.send(message, envelope_from=self.sender)
            except (OSError, smtplib.SMTPException) as error:
                raise sending_error(error, email) from error
        return 250

    def check(self) -> Iterator[Finding]:
        """Connect, start TLS and log in."""
        if self._tokens:
            yield self._tokens.check()
        with _Connection(self.mail, self._tokens, on_data_sent=lambda: None):
            pass
        tls = "TLS verified" if self.mail.use_tls or self.mail.use_ssl else "no TLS"
        login = "logged in" if self.mail.username else "no login"
        text = f"{self.mail.server}:{self.mail.port} answers, {tls}, {login}"
        yield Finding("mail server", text)


class _Connection(Connection):
    """A Flask-Mail connection with timeouts, verified TLS, and no QUIT."""

    def __init__(
        self, mail: Any, tokens: "TokenSource | None", on_data_sent: Callable[[], None]
    ) -> None:
        super().__init__(mail)
        self._tokens, self._on_data_sent = tokens, on_data_sent

    def configure_host(self) -> smtplib.SMTP:
        return self._tokens.use(self._log_in) if self._tokens else self._log_in()

    def _log_in(self, token: str = "") -> smtplib.SMTP:
        try:
            return self._connect(token)
        except (StopRequested, SendError):
            raise
        except Exception as error:
            raise connection_error(error) from error

    def _connect(self, token: str) -> smtplib.SMTP:
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
            if token:
                host.log_in_by_token(str(mail.username), token)
            elif mail.username and mail.password:
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

    def log_in_by_token(self, user: str, token: str) -> None:
        """XOAUTH2, which both Microsoft and Google define:
        https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
        """
        self.ehlo_or_helo_if_needed()
        if "XOAUTH2" not in self.esmtp_features.get("auth", "").split():
            raise smtplib.SMTPNotSupportedError("the server does not offer XOAUTH2")
        # A refusal comes as a challenge, which has to be answered before the server's code.
        credentials = f"user={user}\x01auth=Bearer {token}\x01\x01"
        self.auth("XOAUTH2", lambda challenge=None: credentials if challenge is None else "")

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
