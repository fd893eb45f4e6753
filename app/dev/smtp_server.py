"""The development mailbox: a local SMTP server that stores every message in a Maildir.

    python -m app.dev.smtp_server --folder instance/mailbox --port 8025

It listens on the loopback address only, without TLS or authentication.
"""

import argparse
import asyncio
import signal
import sys
from mailbox import Maildir
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


class MaildirHandler:
    """Stores each message unchanged, with its envelope in the headers."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._maildir = Maildir(folder, create=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Reply only after the message is on disk."""
        headers = [f"Return-Path: <{envelope.mail_from or ''}>"]
        headers += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
        content = envelope.original_content or b""
        self._maildir.add("".join(f"{line}\r\n" for line in headers).encode() + content)
        return "250 Message accepted for delivery"


async def serve(folder: Path, port: int) -> None:
    """Receive messages until SIGTERM or SIGINT. Raises OSError if the port is in use."""
    handler = MaildirHandler(folder)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", enable_SMTPUTF8=True, loop=loop), HOST, port
    )
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="mailbox")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        asyncio.run(serve(options.folder, options.port))
    except OSError as error:
        sys.exit(f"The mailbox cannot listen on {HOST}:{options.port}: {error.strerror}.")


if __name__ == "__main__":
    main()
