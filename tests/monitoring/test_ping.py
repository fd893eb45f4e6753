"""The dead-man's switch is pinged each minute, and only while all is well."""

from functools import partial

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.monitoring import webhook
from app.monitoring.alerts import ping_job
from app.scheduler import run_if_due
from tests.support.outbox import Outbox, outbox
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["outbox", "receiver"]


def pings(outbox: Outbox, receiver: Receiver, **later: float) -> int:
    """How many pings come in one look after some time."""
    before = len(receiver.calls)
    outbox.advance(**later)
    run_if_due(outbox.database, ping_job(partial(webhook.ping, receiver.url)))
    return len(receiver.calls) - before


def test_a_ping_comes_each_minute_while_all_is_well(outbox: Outbox, receiver: Receiver) -> None:
    assert pings(outbox, receiver, seconds=5) == 1
    assert pings(outbox, receiver, seconds=55) == 0
    assert pings(outbox, receiver, seconds=5) == 1


def test_mail_that_waits_a_little_long_is_no_reason_to_wake_anybody(
    outbox: Outbox, receiver: Receiver
) -> None:
    outbox.add()
    assert pings(outbox, receiver, minutes=16) == 1


@pytest.mark.parametrize("wrong", ["dead", "old", "relay", "silent"])
def test_the_pings_stop_when_something_is_wrong_and_come_again_afterwards(
    outbox: Outbox, receiver: Receiver, wrong: str
) -> None:
    if wrong == "dead":
        outbox.add(state="dead")
    elif wrong == "old":
        outbox.add()
        outbox.advance(minutes=61)
    elif wrong == "relay":
        outbox.set_transport_failure("SMTPAuthenticationError: no")
    else:
        outbox.now = outbox.now.replace(hour=13)  # and no sign of life since
        run_if_due(outbox.database, ping_job(partial(webhook.ping, receiver.url)))
        assert receiver.calls == []
        return
    assert pings(outbox, receiver, minutes=2) == 0
    outbox.cancel_all()
    outbox.set_transport_failure(None)
    assert pings(outbox, receiver, minutes=2) == 1


def test_the_pings_stop_when_the_database_does_not_answer(
    outbox: Outbox, receiver: Receiver
) -> None:
    with outbox.database.session() as session:
        session.connection().exec_driver_sql("ALTER TABLE scheduled_job RENAME TO gone")
    with pytest.raises(SQLAlchemyError):
        run_if_due(outbox.database, ping_job(partial(webhook.ping, receiver.url)))
    assert receiver.calls == []


def test_a_ping_that_is_not_taken_is_tried_again_a_minute_later(
    outbox: Outbox, receiver: Receiver
) -> None:
    receiver.status = 500
    assert pings(outbox, receiver, seconds=5) == 1
    receiver.status = 200
    assert pings(outbox, receiver, minutes=1) == 1


def test_the_pings_go_on_when_the_clock_was_set_back(outbox: Outbox, receiver: Receiver) -> None:
    assert pings(outbox, receiver, seconds=5) == 1
    assert pings(outbox, receiver, hours=-1) == 1
    assert pings(outbox, receiver, seconds=30) == 0
