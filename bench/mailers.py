"""How fast mail goes out, and how soon after the mail server is back.

Measured from the attempts that the mailers wrote down: from the start of the
first to the end of the last.
"""

import time
from contextlib import ExitStack
from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa

from app.outbox import queue, retry_schedule
from app.outbox.models import DeliveryAttempt, MailTransportState, OutgoingEmail
from bench.databases import KINDS, lane
from bench.plan import Plan
from bench.report import table
from bench.sites import mail_servers, site
from tests.faults.world import World, wait_until

WAITING = 1_000
PAUSE = 0.2  # seconds that a distant mail server takes
MAIL = OutgoingEmail(
    recipient="frontdesk@clinic.example",
    sender_name="Clinic",
    subject="[K7R-4M2] Billing question from Ada Example",
    text="Do you take checks?\n" * 10,
    html="<main><p>Do you take checks?</p></main>" * 10,
    reference="K7R-4M2",
    reply_to="ada@example.com",
)
HEAD = ("mails a second", "1 mailer, instant", "4 mailers, instant", "1 mailer, 200 ms",
        "4 mailers, 200 ms", "4 against 1")  # fmt: skip


def report(plan: Plan) -> str:
    rows, drained = list[list[str]](), list[list[str]]()
    for name in KINDS:
        with lane(name) as (server, folder), ExitStack() as stack:
            ports = stack.enter_context(mail_servers(folder))
            instant = stack.enter_context(site("instant", folder, server, ports["fast"]))
            distant = stack.enter_context(site("distant", folder, server))
            distant.relay.pause = {"dot": PAUSE}
            one, four = deliver(instant, 1, plan.mails), deliver(instant, 4, plan.mails)
            far_one = deliver(distant, 1, plan.mails // 25)
            far_four = deliver(distant, 4, plan.mails // 6)
            ratio = f"{four / one:.1f}x · {far_four / far_one:.1f}x"
            rows.append(
                [name, f"{one:.0f}", f"{four:.0f}", f"{far_one:.1f}", f"{far_four:.1f}", ratio]
            )
            if plan.rounds > 1:
                drained.append([name, f"{drain(instant):.0f}"])
    wait = retry_schedule.MAX_PROBE_DELAY.total_seconds()
    head = (f"{WAITING:,} waiting, server back just after a probe ({wait:.0f} s)", "seconds")
    return table(HEAD, rows) + (f"\n{table(head, drained)}" if drained else "")


def put(world: World, count: int) -> None:
    """Let ``count`` mails wait."""
    database = world.database
    with database.session() as session:
        now = database.now(session)
        for _ in range(count):
            queue.enqueue(session, database.keys, MAIL, domain="clinic.example", now=now)


def deliver(world: World, mailers: int, count: int) -> float:
    """Mails a second that so many mailer processes deliver of ``count``."""
    put(world, count)
    with world.database.read_session() as session:
        last = session.scalar(sa.select(sa.func.max(DeliveryAttempt.id))) or 0
    running = [world.start_mailer(f"bench-{uuid4().hex[:6]}") for _ in range(mailers)]
    wait_until(lambda: not world.unfinished(), 300, f"{count} mails")
    for one in running:
        one.terminate()
        one.wait(40)
    return count / span(world, last)


def span(world: World, after: int) -> float:
    """Seconds from the start of the first attempt to the end of the last."""
    times = sa.func.min(DeliveryAttempt.started_at), sa.func.max(DeliveryAttempt.ended_at)
    with world.database.read_session() as session:
        first, last = session.execute(sa.select(*times).where(DeliveryAttempt.id > after)).one()
    return float((last - first).total_seconds())


def drain(world: World) -> float:
    """Seconds in the worst case: the mail server comes back just after the rarest probe."""
    put(world, WAITING)
    database = world.database
    with database.session() as session:
        now = database.now(session)
        session.merge(
            MailTransportState(
                id=1,
                failures=20,
                down_since=now - timedelta(hours=3),
                probe_at=retry_schedule.next_probe(20, now),
                reason="a benchmark",
            )
        )
    mailer = world.start_mailer("bench-drain")
    back = time.monotonic()
    wait_until(lambda: not world.unfinished(), 900, "drained")
    seconds = time.monotonic() - back
    mailer.terminate()
    mailer.wait(40)
    return seconds
