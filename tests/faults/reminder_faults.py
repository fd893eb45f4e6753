"""Reminders of unanswered inquiries: mailers killed around them, inquiries answered or erased."""

import re
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import httpx
import sqlalchemy as sa

from app.contact.models import Inquiry
from app.outbox.models import Kind, OutboxMessage
from tests.faults.fault_plan import SHORT_TIMES, Trigger
from tests.faults.registry import scenario
from tests.faults.site_under_test import MAILER, CommandFailedError, SiteUnderTest, wait_until

TIMES = SHORT_TIMES | {"app.jobs.REMINDER_INTERVAL": 0.2, "app.scheduler.POLL_INTERVAL": 0.2}
KILLS = Trigger(every=3, limit=3)
POINTS = ("before a reminder", "reminder queued, not committed", "after a reminder")
MAILBOXES = ("billing@nullharbor.example", "manager@nullharbor.example")
MONTH = timedelta(days=30)
LINK = re.compile(r"/answered/\S+")

Reminders = Counter[tuple[str, str | None]]  # by reference and mailbox


@scenario(
    "mailers killed -9 around reminders",
    note="three mailers, killed before, within and after the transaction of a reminder and while"
    " sending it; each reminder is queued once",
)
def mailers_killed(site: SiteUnderTest) -> None:
    points = {**dict.fromkeys(POINTS, KILLS), "in DATA": Trigger(every=10, limit=2)}
    site.start(mailer=False, times=TIMES, points=points)
    for name in ("one", "two", "three"):
        site.keep_running(*MAILER, name)
    references = _overdue_inquiries(site, 40)
    kills = sum(trigger.limit for trigger in points.values())
    wait_until(lambda: site.planned_faults() >= kills, 90, f"{kills} kills")
    expected = Counter((reference, to) for reference in references for to in MAILBOXES)
    wait_until(lambda: len(_queued(site)) >= len(expected), 60, "all reminders are queued")
    site.drain()
    assert _queued(site) == expected, "each reminder is queued once"
    site.injected = site.planned_faults()
    # A kill in the thread of the jobs may fall between another message's end and its record.
    site.duplicates_allowed = site.injected


@scenario(
    "inquiries erased, answered while reminders wait",
    note="the mail server refuses for now; only the reminders of the others arrive",
)
def erased_and_answered(site: SiteUnderTest) -> None:
    site.start(times=TIMES)
    references = _overdue_inquiries(site, 12, rcpt="451 later")
    wait_until(lambda: len(_queued(site)) == 2 * len(references), 60, "all reminders are queued")
    before = site.relay.hits["rcpt"]
    wait_until(lambda: site.relay.hits["rcpt"] > before + 4, 30, "reminders are refused")
    erased, answered, others = references[:4], references[4:8], references[8:]
    for reference in erased:
        wait_until(lambda: _erase(site, reference), 30, "it is erased")  # noqa: B023
    paths = _answered_links(site)
    for reference in answered:
        response = httpx.post(f"http://127.0.0.1:{site.port}{paths[reference]}", trust_env=False)
        assert response.status_code == 303, response.status_code
    site.relay.script = {}
    site.drain()
    expected = Counter((reference, to) for reference in others for to in MAILBOXES)
    assert _received(site) == expected, "only reminders of the others"
    site.injected = len(erased) + len(answered)


def _overdue_inquiries(site: SiteUnderTest, count: int, **script: str) -> list[str]:
    """Send inquiries, then let all their reminders be due, while the mail server follows
    ``script``. Returns the references.
    """
    with site.load(count=count, pause=0.05) as load:
        load.finish()
    site.drain()
    site.relay.script = script
    with site.database.session() as session:
        overdue = site.database.now(session) - MONTH
        session.execute(sa.update(Inquiry).values(created_at=overdue))
    return [reference for one in site.submissions for reference in one.references]


def _queued(site: SiteUnderTest) -> Reminders:
    query = sa.select(OutboxMessage.reference, OutboxMessage.mailbox)
    with site.database.read_session() as session:
        rows = session.execute(query.where(OutboxMessage.kind == Kind.REMINDER)).all()
    return Counter((row.reference, row.mailbox) for row in rows)


def _received(site: SiteUnderTest) -> Reminders:
    messages = [one.message for one in tuple(site.relay.received)]
    return Counter(
        (str(message["Subject"])[1:8], str(message["To"]))
        for message in messages
        if "not answered yet" in str(message["Subject"])
    )


def _erase(site: SiteUnderTest, reference: str) -> bool:
    with suppress(CommandFailedError):  # one of its messages is being sent
        site.flask("inquiries", "erase", reference, "--yes")
        return True
    return False


def _answered_links(site: SiteUnderTest) -> dict[str, str]:
    """The path of the link in the email about each inquiry."""
    texts = [one.message.get_body(("plain",)) for one in tuple(site.relay.received)]
    links = [LINK.search(text.get_content()) for text in texts if text]
    return {link[0].removeprefix("/answered/")[:7]: link[0] for link in links if link}
