"""How many messages mailers deliver per second, and how long the outbox needs to drain after an
outage of the mail server.

Measured from the recorded delivery attempts: from the start of the first to the end of the last.
"""

import time
from contextlib import ExitStack
from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa

from app.outbox import queue, retry_schedule
from app.outbox.models import DeliveryAttempt, MailTransportState, OutgoingEmail
from app.outbox.send_errors import TransportFault
from bench.databases import DATABASES, temporary_database
from bench.markdown import table
from bench.profiles import Profile
from bench.sites import mail_servers, site_under_test
from tests.faults.site_under_test import SiteUnderTest, wait_until

QUEUED = 1_000
DISTANT_REPLY = 0.2  # seconds before a distant mail server accepts a message
MESSAGE = OutgoingEmail(
    recipient="frontdesk@clinic.example",
    sender_name="Clinic",
    subject="[K7R-4M2] Billing question from Ada Example",
    text="Do you take checks?\n" * 10,
    html="<main><p>Do you take checks?</p></main>" * 10,
    reference="K7R-4M2",
    reply_to="ada@example.com",
)
HEAD = ("messages per second", "1 mailer, instant", "4 mailers, instant", "1 mailer, 200 ms",
        "4 mailers, 200 ms", "4 vs. 1")  # fmt: skip


def report(profile: Profile) -> str:
    rows, drain_rows = list[list[str]](), list[list[str]]()
    for name in DATABASES:
        with temporary_database(name) as (server, folder), ExitStack() as stack:
            ports = stack.enter_context(mail_servers(folder))
            instant = stack.enter_context(site_under_test("instant", folder, server, ports["fast"]))
            distant = stack.enter_context(site_under_test("distant", folder, server))
            distant.relay.pause = {"dot": DISTANT_REPLY}
            one = delivery_rate(instant, 1, profile.messages)
            four = delivery_rate(instant, 4, profile.messages)
            distant_one = delivery_rate(distant, 1, profile.messages // 25)
            distant_four = delivery_rate(distant, 4, profile.messages // 6)
            ratios = f"{four / one:.1f}x · {distant_four / distant_one:.1f}x"
            rates = [f"{one:.0f}", f"{four:.0f}", f"{distant_one:.1f}", f"{distant_four:.1f}"]
            rows.append([name, *rates, ratios])
            if profile.rounds > 1:
                drain_rows.append([name, f"{drain_time(instant):.0f}"])
    wait = retry_schedule.MAX_PROBE_DELAY.total_seconds()
    head = (f"{QUEUED:,} queued, server back just after a probe ({wait:.0f} s)", "seconds")
    return table(HEAD, rows) + (f"\n{table(head, drain_rows)}" if drain_rows else "")


def enqueue(site: SiteUnderTest, count: int) -> None:
    database = site.database
    with database.session() as session:
        now = database.now(session)
        for _ in range(count):
            queue.enqueue(session, database.keys, MESSAGE, domain="clinic.example", now=now)


def delivery_rate(site: SiteUnderTest, mailers: int, count: int) -> float:
    """Return the messages per second when ``mailers`` processes deliver ``count`` messages."""
    enqueue(site, count)
    with site.database.read_session() as session:
        last = session.scalar(sa.select(sa.func.max(DeliveryAttempt.id))) or 0
    processes = [site.start_mailer(f"bench-{uuid4().hex[:6]}") for _ in range(mailers)]
    wait_until(lambda: not site.unfinished(), 300, f"{count} messages are delivered")
    for process in processes:
        process.terminate()
        process.wait(40)
    return count / _seconds_of_attempts(site, last)


def _seconds_of_attempts(site: SiteUnderTest, after: int) -> float:
    """Return the seconds from the first attempt after the id ``after`` to the end of the last."""
    times = sa.func.min(DeliveryAttempt.started_at), sa.func.max(DeliveryAttempt.ended_at)
    with site.database.read_session() as session:
        first, last = session.execute(sa.select(*times).where(DeliveryAttempt.id > after)).one()
    return float((last - first).total_seconds())


def drain_time(site: SiteUnderTest) -> float:
    """Return the seconds to drain the outbox if the server is back just after a probe."""
    enqueue(site, QUEUED)
    database = site.database
    with database.session() as session:
        now = database.now(session)
        session.merge(
            MailTransportState(
                id=1,
                failure_count=20,
                unavailable_since=now - timedelta(hours=3),
                next_probe_at=retry_schedule.next_probe(20, now),
                fault=TransportFault.CONNECTION,
                reason="a benchmark",
            )
        )
    mailer = site.start_mailer("bench-drain")
    started = time.monotonic()
    wait_until(lambda: not site.unfinished(), 900, "the outbox is empty")
    seconds = time.monotonic() - started
    mailer.terminate()
    mailer.wait(40)
    return seconds
