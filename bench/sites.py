"""The site on a database, with the mail server as it may be: fast, slow, or gone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.contact.models import Inquiry
from tests.faults.database_servers import DatabaseServer
from tests.faults.site_under_test import SiteUnderTest
from tests.support import smtp_sink
from tests.support.site import free_port

MAIL = ("fast", "slow", "dead")
SLOW = 2  # seconds that the slow mail server thinks about each mail
# As behind a proxy: posts come from many visitors, and each of them is limited.
LIMITED = {"RATELIMIT_ENABLED": "true", "TRUSTED_PROXIES": "1", "PYTHONPATH": ""}


@contextmanager
def mail_servers(folder: Path) -> Iterator[dict[str, int]]:
    """The ports of the mail servers in ``MAIL``; nobody listens on the dead one's."""
    with ExitStack() as stack:
        fast = smtp_sink.start(folder / "fast-mail", stack, keep=False)
        slow = smtp_sink.start(folder / "slow-mail", stack, keep=False, delay=SLOW)
        if fast is None or slow is None:
            raise SystemExit("smtp-sink is missing: make smtp-sink")
        yield {"fast": fast.port, "slow": slow.port, "dead": free_port()}


@contextmanager
def site_under_test(
    name: str, folder: Path, server: DatabaseServer, mail_port: int = 0
) -> Iterator[SiteUnderTest]:
    """A site that is not started yet. Without ``mail_port`` its own mail server takes all."""
    site = SiteUnderTest(folder / name, server, folder / "maps")
    site.env = LIMITED
    site.relay_port = mail_port or site.relay.port
    try:
        yield site
    finally:
        site.close()


def inquiries(site: SiteUnderTest) -> int:
    with site.database.read_session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Inquiry)) or 0
