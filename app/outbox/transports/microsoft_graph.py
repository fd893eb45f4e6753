"""Sends email by Microsoft Graph, for tenants that have SMTP switched off.

https://learn.microsoft.com/graph/api/user-sendmail, with the message in MIME format.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx

from app.outbox.mime import Message
from app.outbox.models import OutgoingEmail
from app.outbox.send_errors import (
    MessageRefused,
    RecipientRefused,
    SendError,
    TemporaryFailure,
    TransportFault,
    TransportUnavailable,
)
from app.outbox.transports import Finding, Transport
from app.outbox.transports.http_client import READ_TIMEOUT, describe, fault_of, open_client
from app.outbox.transports.tokens import TokenSource

RECIPIENT_ERRORS = {"ErrorInvalidRecipients", "ErrorRecipientNotFound"}
MESSAGE_ERRORS = {"ErrorMessageSizeExceeded", "RequestEntityTooLarge"}
ERROR_CODE = re.compile(r"[A-Za-z.]{1,60}")


class GraphTransport(Transport):
    """Sends as ``mailbox``, which keeps a copy of each message in its Sent Items."""

    def __init__(
        self,
        *,
        host: str,
        mailbox: str,
        tokens: TokenSource,
        sender: str,
        auto_submitted: bool = True,
    ) -> None:
        super().__init__(sender, auto_submitted=auto_submitted)
        self._host, self._mailbox, self._tokens = host, mailbox, tokens

    def _send(
        self, message: Message, email: OutgoingEmail, on_data_sent: Callable[[], None]
    ) -> int:
        content = b64encode(message.as_wire_bytes())

        def post(token: str) -> None:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
            on_data_sent()
            try:
                with open_client(READ_TIMEOUT) as client:
                    answer = client.post(self._url, content=content, headers=headers)
            except (httpx.HTTPError, OSError) as error:
                raise _network_error(error) from None
            if answer.status_code != httpx.codes.ACCEPTED:
                raise _refusal(answer, email)

        self._tokens.use(post)
        return httpx.codes.ACCEPTED

    @property
    def _url(self) -> str:
        return f"https://{self._host}/v1.0/users/{quote(self._mailbox, safe='@')}/sendMail"

    def check(self) -> Iterator[Finding]:
        """Get a token with Mail.Send, and connect. The mailbox is only checked by sending:
        reading it would need another permission.
        """
        yield self._tokens.check()
        try:
            with open_client(READ_TIMEOUT) as client:
                client.get(f"https://{self._host}/v1.0/")  # any answer
        except (httpx.HTTPError, OSError) as error:
            raise _network_error(error) from None
        yield Finding("mail server", f"{self._host} answers, TLS verified")


def _network_error(error: Exception) -> SendError:
    """A connection that failed sent nothing; otherwise the message may have been accepted."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        fault = fault_of(error, TransportFault.CONNECTION)
        return TransportUnavailable(describe(error), fault=fault)
    return TemporaryFailure(describe(error))


def _refusal(answer: httpx.Response, email: OutgoingEmail) -> SendError:
    status, error = answer.status_code, _error_code(answer)
    text = f"Microsoft Graph answered {status} {error}".rstrip()
    if error in RECIPIENT_ERRORS:
        return RecipientRefused(text, status)
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE or error in MESSAGE_ERRORS:
        return MessageRefused(text, status)
    if status == httpx.codes.INTERNAL_SERVER_ERROR:
        return TemporaryFailure(text, status)
    if status == httpx.codes.BAD_REQUEST and email.is_acknowledgement:
        return TemporaryFailure(text, status)  # a visitor's address must not stop all email
    faults = {401: TransportFault.AUTHENTICATION, 429: TransportFault.LIMIT}
    is_about_us = 400 <= status < 500
    default = TransportFault.SENDER if is_about_us else TransportFault.CONNECTION
    seconds = answer.headers.get("Retry-After", "")
    return TransportUnavailable(
        text,
        status,
        faults.get(status, default),
        retry_after=float(seconds) if seconds.isdecimal() else 0.0,
    )


def _error_code(answer: httpx.Response) -> str:
    """The code in the answer. Its message is not shown: it may quote an address."""
    try:
        code = answer.json()["error"]["code"]
    except (KeyError, TypeError, ValueError):
        return ""
    return code if isinstance(code, str) and ERROR_CODE.fullmatch(code) else ""
