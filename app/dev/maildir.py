"""Reads the messages of the development mailbox."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from mailbox import Maildir
from pathlib import Path


@dataclass(frozen=True)
class ReceivedMessage:
    """A message as received over SMTP. ``received`` is aware UTC."""

    key: str
    received: datetime
    message: EmailMessage

    @property
    def text(self) -> str | None:
        return self._part("plain")

    @property
    def html(self) -> str | None:
        return self._part("html")

    def _part(self, subtype: str) -> str | None:
        part = self.message.get_body((subtype,))
        return str(part.get_content()) if part else None


def list_messages(folder: Path) -> list[ReceivedMessage]:
    """Return the messages in the Maildir ``folder``, newest first. A missing one is created."""
    maildir = Maildir(folder)
    newest_first = sorted(maildir.keys(), key=_numbers, reverse=True)
    return [_read(maildir, key) for key in newest_first]


def get_message(folder: Path, key: str) -> ReceivedMessage:
    """Return the message with ``key``.

    Raises KeyError if the Maildir lists no such key, so a key that is a path finds nothing.
    """
    return _read(Maildir(folder), key)


def _read(maildir: Maildir, key: str) -> ReceivedMessage:
    message = message_from_bytes(maildir.get_bytes(key), policy=default_policy)
    assert isinstance(message, EmailMessage)
    return ReceivedMessage(key, datetime.fromtimestamp(_numbers(key)[0], UTC), message)


def _numbers(key: str) -> list[int]:
    """Return the numbers in a key: seconds, microseconds, process, counter."""
    return [int(number) for number in re.findall(r"\d+", key)]
