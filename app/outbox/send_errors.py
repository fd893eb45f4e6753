# ruff: noqa: N818  (these are results of a send, named for what the transport answered)
"""The results of a send, the same for every transport.

``send`` returns when the transport has accepted the message, and otherwise raises one of the
four errors below. The outbox knows nothing else of a transport. In doubt a transport raises
``TransportUnavailable``: waiting loses nothing, but a message that was given up needs a person.
"""

from enum import StrEnum
from typing import ClassVar

from app.outbox.models import Outcome


class TransportFault(StrEnum):
    """Why nothing can be sent."""

    CONNECTION = "connection"
    TLS = "tls"
    AUTHENTICATION = "authentication"
    # It refuses to send for us: the sender, the account, this host, a policy or a limit.
    SENDER = "sender"
    LIMIT = "limit"  # it says clearly that it is a limit, and nothing about the message
    TOKEN_ENDPOINT = "token endpoint"  # noqa: S105  (OAuth 2.0: it does not answer)
    CLOCK = "clock"  # OAuth 2.0, Amazon SES: this machine's clock is wrong


class SendError(Exception):
    """The message was not accepted. Its text is the transport's answer in one line.

    ``code`` is the status code of the answer (SMTP or HTTP), None without an answer.
    """

    outcome: ClassVar[Outcome]
    fault: TransportFault | None = None
    retry_after: float = 0.0

    def __init__(self, answer: str, code: int | None = None) -> None:
        printable = "".join(char if char.isprintable() else " " for char in answer)
        super().__init__(printable[:300])
        self.code = code


class RecipientRefused(SendError):
    """This mailbox will not accept the message: it does not exist or is full."""

    outcome = Outcome.RECIPIENT_REFUSED


class MessageRefused(SendError):
    """This message will not be accepted: its size or content is refused."""

    outcome = Outcome.MESSAGE_REFUSED


class TemporaryFailure(SendError):
    """This attempt failed, and another may succeed."""

    outcome = Outcome.FAILED


class TransportUnavailable(SendError):
    """Nothing can be sent for now. Not the message's fault, so the attempt does not count.

    ``fault`` is SENDER only if the transport was given a message and refused it. If it accepts
    others, the outbox then counts the refusal against that message. ``retry_after`` is the
    number of seconds for which it asks to be left alone.
    """

    outcome = Outcome.UNAVAILABLE

    def __init__(
        self,
        answer: str,
        code: int | None = None,
        fault: TransportFault = TransportFault.CONNECTION,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(answer, code)
        self.fault, self.retry_after = fault, retry_after
