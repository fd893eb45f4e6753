"""Leases: a dead mailer's messages come back, a slow mailer's report is not believed."""

from datetime import timedelta

from app.outbox import queue, results, retry_schedule
from app.outbox.models import Outcome, State
from app.outbox.results import AttemptResult
from tests.outbox.conftest import Desk
from tests.support.smtp_relay import Relay


def _claim(desk: Desk, owner: str) -> queue.Claim | None:
    with desk.database.session() as session:
        return queue.claim(session, owner, desk.database.now(session))


def _settle(desk: Desk, claim: queue.Claim, report: AttemptResult) -> bool:
    with desk.database.session() as session:
        now = desk.database.now(session)
        return results.record_result(session, desk.database.keys, claim, report, now)


def test_a_claimed_message_is_nobody_elses(desk: Desk) -> None:
    desk.put()
    assert _claim(desk, "one")
    assert _claim(desk, "two") is None


def test_a_dead_mailers_message_becomes_due_when_its_lease_ends(desk: Desk) -> None:
    desk.put()
    assert _claim(desk, "one")
    desk.set(due_at=desk.now() - timedelta(seconds=1))
    again = _claim(desk, "two")
    assert again is not None
    assert again.owner == "two"
    assert desk.message().crashes == 1


def test_releasing_a_dead_mailer_makes_its_messages_due_at_once(desk: Desk) -> None:
    desk.put()
    assert _claim(desk, "one")
    with desk.database.session() as session:
        assert queue.release_leases(session, "one", desk.database.now(session)) == 1
    assert _claim(desk, "two")


def test_a_message_that_kills_its_mailer_five_times_stops_and_is_kept(desk: Desk) -> None:
    desk.put()
    for _ in range(queue.MAX_CRASHES):
        assert _claim(desk, "one")
        desk.set(due_at=desk.now() - timedelta(seconds=1))
    assert _claim(desk, "one") is None
    message = desk.message()
    assert message.state == State.DEAD
    assert message.encrypted_message is not None


def test_a_poisonous_message_does_not_stop_the_next_one(desk: Desk, relay: Relay) -> None:
    desk.put()
    desk.set(state=State.SENDING, crashes=4, due_at=desk.now() - timedelta(hours=1))
    desk.put()
    desk.mailer().deliver_one()
    assert len(relay.received) == 1


def test_a_report_after_the_lease_was_lost_changes_nothing(desk: Desk) -> None:
    desk.put()
    slow = _claim(desk, "slow")
    assert slow
    desk.set(due_at=desk.now() - timedelta(seconds=1))
    quick = _claim(desk, "quick")
    assert quick
    assert not _settle(desk, slow, AttemptResult(Outcome.REFUSED, 550, "no"))
    assert desk.message().state == State.SENDING
    assert _settle(desk, quick, AttemptResult(Outcome.DELIVERED, 250))
    assert desk.message().state == State.DELIVERED


def test_a_row_left_in_the_far_future_by_a_jumping_clock_is_found(desk: Desk) -> None:
    desk.put()
    desk.set(due_at=desk.now() + retry_schedule.MAX_DUE_AHEAD + timedelta(hours=1))
    assert _claim(desk, "one")


def test_a_message_sealed_with_an_unknown_key_waits_and_is_never_dead(desk: Desk) -> None:
    desk.put()
    desk.set(encrypted_message=b"gAAAAABsomething-else")
    desk.mailer().deliver_one()
    message = desk.message()
    assert message.state == State.PENDING
    assert message.attempts == 0
