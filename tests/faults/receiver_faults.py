"""Webhooks and phones that hang, redirect, fail, recover, or are gone."""

import re
from collections.abc import Iterator

import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook

from app.contact.models import REFERENCE_PATTERN
from app.outbox.models import Kind, OutboxMessage
from tests.faults.delivery_check import Message
from tests.faults.fault_plan import SHORT_TIMES
from tests.faults.registry import scenario
from tests.faults.site_under_test import SiteUnderTest, wait_until
from tests.support.webhook_receiver import HANG, WEBHOOK_SECRET, Receiver

TIMES = SHORT_TIMES | {"app.http_calls.DEADLINE": 1.0}
OK, GONE = 200, 410
CLINIC = """
[[webhooks]]
key = "crm"
url = "{crm.url}"
secret = "{WEBHOOK_SECRET}"

[[webhooks]]
key = "gone"
url = "{gone.url}"
secret = "{WEBHOOK_SECRET}"

[[notify]]
key = "phones"
url = "{phones.alert_url}"
"""


@scenario(
    "webhook and phone hang, redirect, answer 500",
    note="then they recover; another webhook is gone (410), is asked once, and its messages are"
    " dead and listed; email is not delayed",
)
def receivers_fail(site: SiteUnderTest) -> None:
    crm, gone, phones = receivers = [Receiver() for _ in range(3)]
    for receiver in receivers:
        site.at_end.callback(receiver.close)
    values = {"crm": crm, "gone": gone, "phones": phones, "WEBHOOK_SECRET": WEBHOOK_SECRET}
    site.change_clinic(lambda toml: toml + CLINIC.format(**values))
    site.other_messages = lambda: [*_accepted(site, crm), *_shown(site, phones)]
    gone.status = GONE
    site.start(times=TIMES)
    with site.load(pause=0.5):
        for status in (HANG, 302, 500):
            crm.status = phones.status = status
            site.injected += _wait_for_calls([crm, phones], status, 3)
            emails = len(site.relay.received)
            wait_until(lambda: len(site.relay.received) > emails + 2, 20, "email goes on")  # noqa: B023
        crm.status = phones.status = OK
        _wait_for_calls([crm, phones], OK, 3)
    site.drain()
    assert [call.status for call in gone.calls] == [GONE], "asked once"
    assert {call.path for one in receivers for call in one.calls} <= {"/hook/secret-path"}


def _wait_for_calls(receivers: list[Receiver], status: int, count: int) -> int:
    """Wait until each of ``receivers`` has answered so often with ``status``. Returns how often
    all of them have.
    """

    def calls(receiver: Receiver) -> int:
        return sum(call.status == status for call in tuple(receiver.calls))

    what = f"{count} times {status}"
    wait_until(lambda: min(map(calls, receivers)) >= count, 60, what)
    return sum(map(calls, receivers))


def _accepted(site: SiteUnderTest, crm: Receiver) -> Iterator[Message]:
    """The webhooks that were accepted, all with a valid signature."""
    message_ids = {f"msg_{row.id.hex}": row.message_id for row in _rows(site, Kind.WEBHOOK)}
    for call in tuple(crm.calls):
        if call.status == OK:
            Webhook(WEBHOOK_SECRET).verify(call.content, call.headers)
            yield Message(message_ids[call.headers["webhook-id"]], "")


def _shown(site: SiteUnderTest, phones: Receiver) -> Iterator[Message]:
    """The notifications that were accepted."""
    message_ids = {row.reference: row.message_id for row in _rows(site, Kind.NOTIFY)}
    for call in tuple(phones.calls):
        if call.status == OK:
            reference = re.search(REFERENCE_PATTERN, call.body["message"])
            assert reference, call.body
            yield Message(message_ids[reference[0]], "")


def _rows(site: SiteUnderTest, kind: Kind) -> list[OutboxMessage]:
    query = sa.select(OutboxMessage).where(OutboxMessage.kind == kind)
    with site.database.read_session() as session:
        return list(session.scalars(query))
