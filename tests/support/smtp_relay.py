"""A scriptable SMTP server on loopback that accepts messages or misbehaves at a given step.

Steps, in order: greeting, ehlo, starttls, auth, mail, rcpt, data, dot. ``script`` maps a step to
a reply or to DROP, HANG, DRIP or ACCEPT_AND_DROP. ``hits`` counts how often each step followed the
script. ``pause`` maps a step to the seconds before its reply. A reply to rcpt may contain
"{recipient}". If ``only`` is set, the script of rcpt is for this recipient, and that of dot for
messages that contain it.
With ``check_token`` it takes email only after XOAUTH2, with a user and a token for which that is
true.
"""

import socket
import ssl
import threading
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import BinaryIO

import pytest

DROP = "drop the connection"
HANG = "send no reply"
DRIP = "send one byte at a time"
ACCEPT_AND_DROP = "accept the message, then drop the connection"

DEFAULT_REPLIES = {
    "greeting": "220 relay.test ESMTP",
    "ehlo": "250 HELP",
    "starttls": "220 go ahead",
    "auth": "235 welcome",
    "mail": "250 ok",
    "rcpt": "250 ok",
    "data": "354 go on",
    "dot": "250 accepted",
}


@dataclass(frozen=True)
class ReceivedMessage:
    """A message that the server accepted, with or without sending the reply."""

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
    """The server. ``script`` may change at any time; ``received`` has the accepted messages."""

    script: dict[str, str] = field(default_factory=dict)
    pause: dict[str, float] = field(default_factory=dict)
    port: int = 0
    drip: float = 0.1  # seconds between the bytes of DRIP
    tls: ssl.SSLContext | None = None
    login: bool = False
    mechanisms: str = "PLAIN"
    auth: str = ""  # the last AUTH command
    check_token: Callable[[str, str], bool] | None = None
    received: list[ReceivedMessage] = field(default_factory=list)
    only: str = ""
    connections: int = 0
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self._closing = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        # Connect once, because the thread is blocked in accept().
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            pass
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # the socket is closed
            while not self._closing.is_set():
                connection, _ = self._socket.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        session = _Session(self, connection, self._closing)
        with suppress(OSError, _DisconnectedError):
            session.run()
        session.close()


class _DisconnectedError(Exception):
    pass


class _Session:
    def __init__(self, relay: Relay, connection: socket.socket, closing: threading.Event) -> None:
        self._relay = relay
        self._connection = connection
        self._lines: BinaryIO = connection.makefile("rb")
        self._closing = closing
        self._sender = ""
        self._is_authenticated = False
        self._recipients: list[str] = []

    def run(self) -> None:
        self._reply_to("greeting")
        while line := self._lines.readline():
            command = line.decode("ascii", "replace").strip()
            verb = command.split(" ")[0].lower()
            if verb in ("ehlo", "helo"):
                self._reply_to("ehlo")
            elif verb == "starttls":
                self._reply_to("starttls")
                self._encrypt()
            elif verb == "auth":
                self._relay.auth = command
                self._authenticate(command)
            elif verb == "mail":
                self._begin_message(command)
            elif verb == "rcpt":
                address = command.partition("<")[2].partition(">")[0]
                reply = self._reply_to_rcpt(address)
                if self._reply_to("rcpt", reply):
                    self._recipients.append(address)
            elif verb == "data":
                if self._reply_to("data"):
                    self._receive_message()
            else:
                self._send("250 ok")

    def close(self) -> None:
        with suppress(OSError):
            self._lines.close()
        self._connection.close()

    def _begin_message(self, command: str) -> None:
        if self._relay.check_token and not self._is_authenticated:
            self._send("530 5.7.57 Client not authenticated to send mail")
            return
        self._sender, self._recipients = command.partition("<")[2].partition(">")[0], []
        self._reply_to("mail")

    def _authenticate(self, command: str) -> None:
        check = self._relay.check_token
        if check is None or "auth" in self._relay.script:
            self._reply_to("auth")
            return
        _, mechanism, credentials = command.split(" ")
        assert mechanism == "XOAUTH2"
        user, bearer, *_ = b64decode(credentials).decode().split("\x01")
        token = bearer.removeprefix("auth=Bearer ")
        self._is_authenticated = check(user.removeprefix("user="), token)
        if self._is_authenticated:
            self._reply_to("auth")
            return
        self._relay.hits["auth"] += 1
        self._send("334 " + b64encode(b'{"status":"400","schemes":"Bearer"}').decode())
        assert self._lines.readline() == b"\r\n"  # the client has to answer before the code
        self._send("535 5.7.3 Authentication unsuccessful")

    def _encrypt(self) -> None:
        assert self._relay.tls is not None
        self._lines.close()
        self._connection = self._relay.tls.wrap_socket(self._connection, server_side=True)
        self._lines = self._connection.makefile("rb")

    def _reply_to_rcpt(self, address: str) -> str:
        if self._relay.only in ("", address) and "rcpt" in self._relay.script:
            return self._relay.script["rcpt"].replace("{recipient}", address)
        return DEFAULT_REPLIES["rcpt"]

    def _receive_message(self) -> None:
        content = b""
        while (line := self._lines.readline()) not in (b".\r\n", b""):
            content += line.removeprefix(b".") if line.startswith(b"..") else line
        if not line:
            raise _DisconnectedError
        is_scripted = self._relay.only.encode() in content
        reply = self._relay.script.get("dot", "") if is_scripted else ""
        reply = reply or DEFAULT_REPLIES["dot"]
        if reply == ACCEPT_AND_DROP or reply.startswith("2"):
            self._relay.received.append(
                ReceivedMessage(self._sender, tuple(self._recipients), content)
            )
        self._reply_to("dot", reply)  # the script may have changed since

    def _reply_to(self, step: str, reply: str | None = None) -> bool:
        """Send the reply of the script for ``step``. Returns whether it is positive."""
        if seconds := self._relay.pause.get(step):
            self._relay.hits[step] += 1
            self._closing.wait(seconds)
        reply = reply or self._relay.script.get(step, DEFAULT_REPLIES[step])
        self._relay.hits[step] += reply != DEFAULT_REPLIES[step]
        if reply in (DROP, ACCEPT_AND_DROP):
            self._connection.shutdown(socket.SHUT_RDWR)
            raise _DisconnectedError
        if reply == HANG:
            self._closing.wait(30)
            raise _DisconnectedError
        if reply == DRIP:
            for _ in range(30):
                self._connection.sendall(b"2")
                time.sleep(self._relay.drip)
            raise _DisconnectedError
        if step == "ehlo" and reply.startswith("2"):
            self._send("250-relay.test")
            for extension, enabled in (
                ("STARTTLS", self._relay.tls),
                (f"AUTH {self._relay.mechanisms}", self._relay.login),
            ):
                if enabled:
                    self._send(f"250-{extension}")
        self._send(reply)
        return reply[0] in "23"

    def _send(self, reply: str) -> None:
        self._connection.sendall(f"{reply}\r\n".encode())


@pytest.fixture
def relay() -> Iterator[Relay]:
    """An SMTP server that accepts all messages until its script changes."""
    server = Relay()
    yield server
    server.close()
