"""A scriptable SMTP server on loopback: it takes mail, or misbehaves at a chosen step.

Steps, in order: greeting, ehlo, starttls, auth, mail, rcpt, data, dot. A script
maps a step to what is answered there, or to one of DROP, HANG, DRIP, TAKE_AND_DROP;
``hits`` counts how often it did. ``pause`` maps a step to seconds of thinking first.
An answer to rcpt may quote "{recipient}".
"""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import BinaryIO

import pytest

DROP = "drop the connection"
HANG = "say nothing"
DRIP = "one byte a second"
TAKE_AND_DROP = "take the mail, then drop the connection"

ORDINARY = {
    "greeting": "220 relay.test ESMTP",
    "ehlo": "250 HELP",
    "starttls": "220 go ahead",
    "auth": "235 welcome",
    "mail": "250 ok",
    "rcpt": "250 ok",
    "data": "354 go on",
    "dot": "250 taken",
}


@dataclass(frozen=True)
class ReceivedMessage:
    """A mail that the server said 250 to (or would have, before it dropped)."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = BytesParser(policy=policy.default).parsebytes(self.content)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class Relay:
    """The server. Change ``script`` at any time; read ``received``."""

    script: dict[str, str] = field(default_factory=dict)
    pause: dict[str, float] = field(default_factory=dict)
    port: int = 0
    drip: float = 0.1  # seconds between two bytes of DRIP
    tls: ssl.SSLContext | None = None
    login: bool = False
    received: list[ReceivedMessage] = field(default_factory=list)
    connections: int = 0
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self._closing = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        # A connection of our own wakes the thread that waits in accept().
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed under our hands
            while not self._closing.is_set():
                connection, _ = self._socket.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        conversation = _Conversation(self, connection, self._closing)
        with suppress(OSError, _LeftError):
            conversation.hold()
        conversation.end()


class _LeftError(Exception):
    pass


class _Conversation:
    def __init__(self, relay: Relay, connection: socket.socket, closing: threading.Event) -> None:
        self._relay = relay
        self._connection = connection
        self._lines: BinaryIO = connection.makefile("rb")
        self._closing = closing
        self._sender = ""
        self._recipients: list[str] = []

    def hold(self) -> None:
        self._answer("greeting")
        while line := self._lines.readline():
            verb = line.decode("ascii", "replace").strip()
            word = verb.split(" ")[0].lower()
            if word in ("ehlo", "helo"):
                self._answer("ehlo")
            elif word == "starttls":
                self._answer("starttls")
                self._encrypt()
            elif word == "auth":
                self._answer("auth")
            elif word == "mail":
                self._sender, self._recipients = verb.partition("<")[2].partition(">")[0], []
                self._answer("mail")
            elif word == "rcpt":
                address = verb.partition("<")[2].partition(">")[0]
                reply = self._relay.script.get("rcpt", ORDINARY["rcpt"])
                if self._answer("rcpt", reply.replace("{recipient}", address)):
                    self._recipients.append(address)
            elif word == "data":
                if self._answer("data"):
                    self._take()
            else:
                self._say("250 ok")

    def end(self) -> None:
        with suppress(OSError):
            self._lines.close()
        self._connection.close()

    def _encrypt(self) -> None:
        assert self._relay.tls is not None
        self._lines.close()
        self._connection = self._relay.tls.wrap_socket(self._connection, server_side=True)
        self._lines = self._connection.makefile("rb")

    def _take(self) -> None:
        content = b""
        while (line := self._lines.readline()) not in (b".\r\n", b""):
            content += line.removeprefix(b".") if line.startswith(b"..") else line
        if not line:
            raise _LeftError
        reply = self._relay.script.get("dot", ORDINARY["dot"])
        if reply == TAKE_AND_DROP or reply.startswith("2"):
            self._relay.received.append(
                ReceivedMessage(self._sender, tuple(self._recipients), content)
            )
        self._answer("dot", reply)  # not asked anew: a script may change at any time

    def _answer(self, step: str, reply: str | None = None) -> bool:
        """Say what the script wants at ``step``; whether it was a yes."""
        if seconds := self._relay.pause.get(step):
            self._relay.hits[step] += 1
            self._closing.wait(seconds)
        reply = reply or self._relay.script.get(step, ORDINARY[step])
        self._relay.hits[step] += reply != ORDINARY[step]
        if reply in (DROP, TAKE_AND_DROP):
            self._connection.shutdown(socket.SHUT_RDWR)
            raise _LeftError
        if reply == HANG:
            self._closing.wait(30)
            raise _LeftError
        if reply == DRIP:
            for _ in range(30):
                self._connection.sendall(b"2")
                time.sleep(self._relay.drip)
            raise _LeftError
        if step == "ehlo" and reply.startswith("2"):
            self._say("250-relay.test")
            for offer, offered in (
                ("STARTTLS", self._relay.tls),
                ("AUTH PLAIN", self._relay.login),
            ):
                if offered:
                    self._say(f"250-{offer}")
        self._say(reply)
        return reply[0] in "23"

    def _say(self, reply: str) -> None:
        self._connection.sendall(f"{reply}\r\n".encode())


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A mail relay that takes everything until its script says otherwise."""
    server = Relay()
    yield server
    server.close()
