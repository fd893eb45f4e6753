"""The site on a database, with the mail server as it may be: fast, slow, or gone."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.contact.models import Inquiry
from tests.faults.servers import Server
from tests.faults.world import World
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
def site(name: str, folder: Path, server: Server, mail_port: int = 0) -> Iterator[World]:
    """A site that is not started yet. Without ``mail_port`` its own mail server takes all."""
    world = World(folder / name, server, folder / "maps")
    world.env = LIMITED
    world.relay_port = mail_port or world.relay.port
    try:
        yield world
    finally:
        world.close()


def inquiries(world: World) -> int:
    with world.database.read_session() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Inquiry)) or 0
