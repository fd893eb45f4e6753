"""The monitor that expects pings gets one every 50 seconds, but not during a problem."""

from functools import partial

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app import http_calls
from app.monitoring.alerts import uptime_ping_job
from app.outbox.send_errors import TransportFault
from app.scheduler import run_if_due
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["outbox", "receiver"]


def pings(outbox: Outbox, receiver: Receiver, **later: float) -> int:
    """Advance the time and run the job: the number of pings."""
    before = len(receiver.calls)
    outbox.advance(**later)
    run_if_due(outbox.database, uptime_ping_job(partial(http_calls.call, "ping", receiver.url)))
    return len(receiver.calls) - before


def test_pings_are_sent_every_50_seconds_without_a_problem(
    outbox: Outbox, receiver: Receiver
) -> None:
    assert pings(outbox, receiver, seconds=5) == 1
    assert pings(outbox, receiver, seconds=45) == 0
    assert pings(outbox, receiver, seconds=5) == 1


@sqlite_only
def test_a_warning_does_not_stop_the_pings(outbox: Outbox, receiver: Receiver) -> None:
    outbox.add()
    assert pings(outbox, receiver, minutes=16) == 1


@sqlite_only
@pytest.mark.parametrize(
    "problem", ["undelivered", "delivery_delayed", "mail_transport", "mailer_down"]
)
def test_the_pings_stop_during_a_problem(outbox: Outbox, receiver: Receiver, problem: str) -> None:
    if problem == "undelivered":
        outbox.add(state="dead")
    elif problem == "delivery_delayed":
        outbox.add()
        outbox.advance(minutes=61)
    elif problem == "mail_transport":
        outbox.set_transport_failure(TransportFault.AUTHENTICATION)
    else:
        outbox.now = outbox.now.replace(hour=13)  # without a heartbeat since
        run_if_due(outbox.database, uptime_ping_job(partial(http_calls.call, "ping", receiver.url)))
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
        run_if_due(outbox.database, uptime_ping_job(partial(http_calls.call, "ping", receiver.url)))
    assert receiver.calls == []


@sqlite_only
def test_a_failed_ping_is_retried_50_seconds_later(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status = 500
    assert pings(outbox, receiver, seconds=5) == 1
    receiver.status = 200
    assert pings(outbox, receiver, seconds=50) == 1


@sqlite_only
def test_the_pings_continue_after_the_clock_was_set_back(
    outbox: Outbox, receiver: Receiver
) -> None:
    assert pings(outbox, receiver, seconds=5) == 1
    assert pings(outbox, receiver, hours=-1) == 1
    assert pings(outbox, receiver, seconds=30) == 0
