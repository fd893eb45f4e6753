"""Ways to send email, one class each. docs/mail.md explains how to add one.

The outbox knows only ``Transport`` and the results in ``send_errors``. A module here is imported
when its transport is used, because the libraries behind it are large.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.outbox.mime import Message, build_message
from app.outbox.models import OutgoingEmail


@dataclass(frozen=True)
class Finding:
    """What a check found. With ``advice`` it works now, but something should be done."""

    check: str
    text: str
    advice: str = ""


class Transport(ABC):
    """A way to send email. ``sender`` is the address in From and of the envelope.

    With ``auto_submitted``, email to the front desk says that a program sent it.
    """

    def __init__(self, sender: str, *, auto_submitted: bool = True) -> None:
        self.sender = sender
        self._auto_submitted = auto_submitted

    def send(
        self,
        email: OutgoingEmail,
        *,
        message_id: str,
        date: datetime,
        on_data_sent: Callable[[], None],
    ) -> int:
        """Send ``email`` once. Returns the status code with which it was accepted.

        ``on_data_sent`` is called when the last byte is about to be sent; from then on only the
        other side knows whether it accepts the message.
        Raises SendError.
        """
        message = build_message(
            email,
            sender=self.sender,
            message_id=message_id,
            date=date,
            auto_submitted=self._auto_submitted,
        )
        return self._send(message, email, on_data_sent)

    @abstractmethod
    def _send(
        self, message: Message, email: OutgoingEmail, on_data_sent: Callable[[], None]
    ) -> int:
        """Send ``message``, which was made of ``email``, as ``send`` does."""

    @abstractmethod
    def check(self) -> Iterator[Finding]:
        """Do everything but send: yield what works. Raises TransportUnavailable."""
