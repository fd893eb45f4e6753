"""Problems are reported to a real HTTP receiver: at once, again, and when they are over."""

import itertools
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from app.database import Database
from app.monitoring import webhook
from app.monitoring.alerts import Alert, alert_job
from app.outbox import admin
from app.outbox.heartbeat import Heartbeat
from app.scheduler import Job, Scheduler, run_if_due
from tests.support.outbox import Outbox, outbox
from tests.support.webhook_receiver import Receiver, receiver

__all__ = ["outbox", "receiver"]

WRONG_PASSWORD = "SMTPAuthenticationError: 5.7.8 no"
BAD_CERTIFICATE = "SSLCertVerificationError: self-signed certificate"


class Watch:
    """A mailer's look for problem every few seconds, and what the receiver got."""

    def __init__(self, outbox: Outbox, receiver: Receiver) -> None:
        self.outbox = outbox
        self.receiver = receiver
        self.job = job(outbox.database, receiver)

    def look(self, **later: float) -> list[tuple[str, str, str]]:
        """Let time pass and look once: what was told (event, status, severity)."""
        before = len(self.receiver.calls)
        self.outbox.advance(**(later or {"seconds": 5}))
        assert run_if_due(self.outbox.database, self.job)
        return [
            (body["event"], body["status"], body["severity"])
            for body in self.receiver.bodies[before:]
        ]


def job(database: Database, receiver: Receiver) -> Job:
    tell = partial(webhook.post, receiver.url)
    return alert_job(database, tell, clinic="Test Clinic", site="https://clinic.example")


@pytest.fixture
def watch(outbox: Outbox, receiver: Receiver) -> Watch:
    return Watch(outbox, receiver)


def test_nothing_is_told_while_all_is_well(watch: Watch) -> None:
    watch.outbox.add()
    assert watch.look() == []
    assert watch.look(minutes=14) == []


def test_an_undelivered_mail_is_told_at_once_then_every_four_hours_and_its_end_once(
    watch: Watch,
) -> None:
    watch.outbox.add(state="dead")
    assert watch.look() == [("dead", "firing", "page")]
    assert watch.look() == []
    assert watch.look(hours=3.9) == []
    assert watch.look(hours=0.2) == [("dead", "firing", "page")]
    assert watch.look(hours=3.9) == []
    watch.outbox.cancel_all()
    assert watch.look() == []
    assert watch.look(minutes=2) == [("dead", "resolved", "ok")]
    assert watch.look(minutes=2) == []
    assert watch.look(hours=5) == []


@pytest.mark.parametrize("reason", [WRONG_PASSWORD, BAD_CERTIFICATE])
def test_a_relay_that_refuses_us_is_told_at_once_and_when_it_works_again(
    watch: Watch, reason: str
) -> None:
    watch.outbox.set_transport_failure(reason)
    assert watch.look() == [("mail_transport", "firing", "page")]
    assert watch.look(hours=1) == []
    watch.outbox.set_transport_failure(None)
    watch.look()
    assert watch.look(minutes=2) == [("mail_transport", "resolved", "ok")]


def test_waiting_mail_is_told_after_a_quarter_of_an_hour_and_louder_after_an_hour(
    watch: Watch,
) -> None:
    watch.outbox.add()
    assert watch.look(minutes=15) == []
    assert watch.look(minutes=1) == [("waiting", "firing", "warn")]
    assert watch.look(minutes=40) == []
    assert watch.look(minutes=5) == [("waiting", "firing", "page")]
    assert watch.look(hours=1) == []
    watch.outbox.update_all(state="delivered", due_at=None)
    watch.look()
    assert watch.look(minutes=2) == [("waiting", "resolved", "ok")]


def test_an_outbox_on_hold_is_told(watch: Watch) -> None:
    with watch.outbox.database.session() as session:
        admin.pause(session, "restored", watch.outbox.now)
    assert watch.look() == [("paused", "firing", "warn")]
    assert watch.look() == []


def test_more_undelivered_mails_are_told_but_not_one_by_one(watch: Watch) -> None:
    watch.outbox.add(state="dead")
    watch.look()
    for _ in range(5):
        watch.outbox.add(state="dead")
        assert watch.look() == []
    assert watch.look(minutes=1) == [("dead", "firing", "page")]
    assert "6 mails" in watch.receiver.bodies[-1]["title"]
    assert watch.look(minutes=5) == []


def test_what_got_better_and_then_worse_again_is_told(watch: Watch) -> None:
    first = watch.outbox.add(state="dead")
    watch.outbox.add(state="dead")
    watch.look()
    with watch.outbox.database.session() as session:
        session.execute(
            sa.text("delete from outbox_message where id = :id").bindparams(
                sa.bindparam("id", first, sa.Uuid())
            )
        )
    assert watch.look(minutes=1) == []
    watch.outbox.add(state="dead")
    assert watch.look(minutes=1) == [("dead", "firing", "page")]


def test_a_relay_that_comes_and_goes_is_one_trouble(watch: Watch) -> None:
    told = []
    for _ in range(6):
        watch.outbox.set_transport_failure(WRONG_PASSWORD)
        told += watch.look(seconds=15)
        watch.outbox.set_transport_failure(None)
        told += watch.look(seconds=15)
    assert told == [("mail_transport", "firing", "page")]


def test_an_alert_that_was_not_taken_is_told_at_the_next_look(watch: Watch) -> None:
    watch.outbox.add(state="dead")
    watch.receiver.status = 503
    assert len(watch.look()) == 1
    assert len(watch.look()) == 1
    watch.receiver.status = 200
    assert len(watch.look()) == 1
    assert watch.look() == []


def test_an_end_that_was_not_taken_is_told_at_the_next_look(watch: Watch) -> None:
    watch.outbox.add(state="dead")
    watch.look()
    watch.outbox.cancel_all()
    watch.look()
    watch.receiver.status = 500
    assert watch.look(minutes=2) == [("dead", "resolved", "ok")]
    watch.receiver.status = 200
    assert watch.look() == [("dead", "resolved", "ok")]
    assert watch.look() == []


def test_trouble_that_passes_before_anybody_heard_of_it_is_not_told_at_all(watch: Watch) -> None:
    watch.outbox.add(state="dead")
    watch.receiver.status = 500
    watch.look()
    watch.receiver.status = 200
    watch.outbox.cancel_all()
    assert watch.look() == []
    assert watch.look(minutes=5) == []


def test_a_mailer_that_dies_while_telling_leaves_it_to_the_next(watch: Watch) -> None:
    watch.outbox.add(state="dead")
    taken = alert_job(watch.outbox.database, lambda _body: _die(), clinic="Test Clinic", site="x")
    watch.outbox.advance(seconds=5)
    with pytest.raises(SystemExit):
        run_if_due(watch.outbox.database, taken)
    assert watch.look(seconds=30) == []
    assert watch.look(seconds=31) == [("dead", "firing", "page")]


def _die() -> bool:
    raise SystemExit


def test_one_message_serves_slack_and_plain_receivers_without_personal_data(
    watch: Watch,
) -> None:
    watch.outbox.add(state="dead", last_error="550 no such user desk@clinic.example")
    watch.look()
    (body,) = watch.receiver.bodies
    assert body["text"].startswith("[page] Test Clinic: 1 mail could not be delivered.")
    assert "flask outbox list" in body["text"]
    assert {name: body[name] for name in ("event", "severity", "status", "clinic", "site")} == {
        "event": "dead",
        "severity": "page",
        "status": "firing",
        "clinic": "Test Clinic",
        "site": "https://clinic.example",
    }
    assert body["at"] == "2026-07-01T12:00:05+00:00"
    assert "desk@" not in str(body)
    assert "AAA-AAA" not in str(body)


def test_several_mailers_tell_one_alert(
    outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight threads look as eight mailers would, again while the first is still telling."""
    outbox.add(state="dead")
    seconds = itertools.count()
    moment = outbox.now
    monkeypatch.setattr(
        outbox.database, "now", lambda _session: moment + timedelta(seconds=next(seconds))
    )
    start = threading.Barrier(8)
    turns: list[bool] = []

    def tell(body: Mapping[str, object]) -> bool:
        time.sleep(1)
        return webhook.post(receiver.url, body)

    def look(_number: int) -> None:
        mine = alert_job(outbox.database, tell, clinic="Test Clinic", site="x")
        start.wait()
        turns.extend(run_if_due(outbox.database, mine) for _ in range(5))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(8)))
    assert sum(turns) > 1
    assert [body["event"] for body in receiver.bodies] == ["dead"]


def test_a_webhook_that_is_gone_stops_neither_the_heart_nor_the_other_chores(
    outbox: Outbox, receiver: Receiver
) -> None:
    outbox.add(state="dead")
    done: list[str] = []
    receiver.close()
    other = Job("other", lambda _last, _now: True, lambda *_: lambda: done.append("other"))
    scheduler = Scheduler(
        outbox.database,
        Heartbeat(outbox.database, "m"),
        [job(outbox.database, receiver), other],
    )
    scheduler.run_due_jobs()
    assert done == ["other"]
    with outbox.database.read_session() as session:
        assert session.scalars(sa.select(Alert.notified_at)).all() == [None]
