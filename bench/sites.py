"""Frontdesk on a database, with a fast, a slow or an unreachable mail server."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.contact.models import Inquiry
from tests.faults.database_servers import DatabaseServer
from tests.faults.site_under_test import SiteUnderTest
from tests.support import smtp_sink
from tests.support.site import free_port

MAIL_SERVERS = ("fast", "slow", "dead")
SLOW_REPLY = 2  # seconds before the slow mail server accepts a message
# As behind a proxy: posts come from many addresses, each with its own rate limit.
BEHIND_PROXY = {"RATELIMIT_ENABLED": "true", "TRUSTED_PROXIES": "1", "PYTHONPATH": ""}


@contextmanager
def mail_servers(folder: Path) -> Iterator[dict[str, int]]:
    """Yield the port of each of ``MAIL_SERVERS``. Nothing listens on the port of "dead"."""
    with ExitStack() as stack:
        fast = smtp_sink.start(folder / "fast-mail", stack, keep=False)
        slow = smtp_sink.start(folder / "slow-mail", stack, keep=False, delay=SLOW_REPLY)
        if fast is None or slow is None:
            raise SystemExit("smtp-sink is missing: run `make smtp-sink`")
        yield {"fast": fast.port, "slow": slow.port, "dead": free_port()}


@contextmanager
def site_under_test(
    name: str, folder: Path, server: DatabaseServer, mail_port: int = 0
) -> Iterator[SiteUnderTest]:
    """Yield a site that is not yet started. Without ``mail_port`` it uses its own mail server."""
    site = SiteUnderTest(folder / name, server, folder / "maps")
    site.env = BEHIND_PROXY
    site.relay_port = mail_port or site.relay.port
    try:
        yield site
    finally:
        site.close()


def count_inquiries(site: SiteUnderTest) -> int:
    with site.database.read_session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Inquiry)) or 0
