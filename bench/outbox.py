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
from bench.databases import KINDS, temporary_database
from bench.markdown import table
from bench.profiles import Profile
from bench.sites import mail_servers, site_under_test
from tests.faults.site_under_test import SiteUnderTest, wait_until

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


def report(profile: Profile) -> str:
    rows, drained = list[list[str]](), list[list[str]]()
    for name in KINDS:
        with temporary_database(name) as (server, folder), ExitStack() as stack:
            ports = stack.enter_context(mail_servers(folder))
            instant = stack.enter_context(site_under_test("instant", folder, server, ports["fast"]))
            distant = stack.enter_context(site_under_test("distant", folder, server))
            distant.relay.pause = {"dot": PAUSE}
            one, four = deliver(instant, 1, profile.mails), deliver(instant, 4, profile.mails)
            far_one = deliver(distant, 1, profile.mails // 25)
            far_four = deliver(distant, 4, profile.mails // 6)
            ratio = f"{four / one:.1f}x · {far_four / far_one:.1f}x"
            rows.append(
                [name, f"{one:.0f}", f"{four:.0f}", f"{far_one:.1f}", f"{far_four:.1f}", ratio]
            )
            if profile.rounds > 1:
                drained.append([name, f"{drain(instant):.0f}"])
    wait = retry_schedule.MAX_PROBE_DELAY.total_seconds()
    head = (f"{WAITING:,} waiting, server back just after a probe ({wait:.0f} s)", "seconds")
    return table(HEAD, rows) + (f"\n{table(head, drained)}" if drained else "")


def put(site: SiteUnderTest, count: int) -> None:
    """Let ``count`` mails wait."""
    database = site.database
    with database.session() as session:
        now = database.now(session)
        for _ in range(count):
            queue.enqueue(session, database.keys, MAIL, domain="clinic.example", now=now)


def deliver(site: SiteUnderTest, mailers: int, count: int) -> float:
    """Mails a second that so many mailer processes deliver of ``count``."""
    put(site, count)
    with site.database.read_session() as session:
        last = session.scalar(sa.select(sa.func.max(DeliveryAttempt.id))) or 0
    running = [site.start_mailer(f"bench-{uuid4().hex[:6]}") for _ in range(mailers)]
    wait_until(lambda: not site.find_placeholders(), 300, f"{count} mails")
    for one in running:
        one.terminate()
        one.wait(40)
    return count / span(site, last)


def span(site: SiteUnderTest, after: int) -> float:
    """Seconds from the start of the first attempt to the end of the last."""
    times = sa.func.min(DeliveryAttempt.started_at), sa.func.max(DeliveryAttempt.ended_at)
    with site.database.read_session() as session:
        first, last = session.execute(sa.select(*times).where(DeliveryAttempt.id > after)).one()
    return float((last - first).total_seconds())


def drain(site: SiteUnderTest) -> float:
    """Seconds in the worst case: the mail server comes back just after the rarest probe."""
    put(site, WAITING)
    database = site.database
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
    mailer = site.start_mailer("bench-drain")
    back = time.monotonic()
    wait_until(lambda: not site.find_placeholders(), 900, "drained")
    seconds = time.monotonic() - back
    mailer.terminate()
    mailer.wait(40)
    return seconds
