"""The development mailbox: a real SMTP server on loopback that keeps what it gets.

    python -m app.dev.smtp_server --folder instance/mailbox --port 8025

It offers no TLS and no login and believes every sender: it listens on this
machine alone and is no part of the site.
"""

import argparse
import asyncio
import signal
import sys
from mailbox import Maildir
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"


class Keeper:
    """Puts each mail into a Maildir, as it came, under who got it from whom."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._maildir = Maildir(folder, create=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer only after the mail has been written to disk."""
        path = [f"Return-Path: <{envelope.mail_from or ''}>"]
        path += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
        content = envelope.original_content or b""
        self._maildir.add("".join(f"{line}\r\n" for line in path).encode() + content)
        return "250 Message accepted for delivery"


def keep_mailbox(folder: Path, port: int) -> None:
    """Receive mail until SIGTERM or SIGINT. Exits with one line when the port is in use."""
    try:
        asyncio.run(_serve(folder, port))
    except OSError as error:
        sys.exit(f"The mailbox cannot listen on {HOST}:{port}: {error.strerror}.")


async def _serve(folder: Path, port: int) -> None:
    keeper = Keeper(folder)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: SMTP(keeper, hostname="localhost", enable_SMTPUTF8=True, loop=loop), HOST, port
    )
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="mailbox")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    wanted = parser.parse_args()
    keep_mailbox(wanted.folder, wanted.port)


if __name__ == "__main__":
    main()
