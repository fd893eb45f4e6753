"""Leases: a crashed mailer's messages become due again, and a late result is ignored."""

from datetime import timedelta

from app.outbox import queue, results, retry_schedule
from app.outbox.models import Outcome, State
from app.outbox.results import AttemptResult
from tests.outbox.conftest import Desk
from tests.support.smtp_relay import Relay


def _claim(desk: Desk, owner: str) -> queue.Claim | None:
    with desk.database.session() as session:
        return queue.claim(session, owner, desk.database.now(session))


def _record(desk: Desk, claim: queue.Claim, result: AttemptResult) -> bool:
    with desk.database.session() as session:
        now = desk.database.now(session)
        return results.record_result(session, desk.database.keys, claim, result, now)


def test_a_claimed_message_cannot_be_claimed_again(desk: Desk) -> None:
    desk.put()
    assert _claim(desk, "one")
    assert _claim(desk, "two") is None


def test_a_crashed_mailers_message_becomes_due_when_its_lease_ends(desk: Desk) -> None:
    desk.put()
    assert _claim(desk, "one")
    desk.set(due_at=desk.now() - timedelta(seconds=1))
    again = _claim(desk, "two")
    assert again is not None
    assert again.owner == "two"
    assert desk.message().crashes == 1


def test_released_leases_make_messages_due_at_once(desk: Desk) -> None:
    desk.put()
    assert _claim(desk, "one")
    with desk.database.session() as session:
        assert queue.release_leases(session, "one", desk.database.now(session)) == 1
    assert _claim(desk, "two")


def test_a_message_that_crashes_its_mailer_five_times_is_dead_but_kept(desk: Desk) -> None:
    desk.put()
    for _ in range(queue.MAX_CRASHES):
        assert _claim(desk, "one")
        desk.set(due_at=desk.now() - timedelta(seconds=1))
    assert _claim(desk, "one") is None
    message = desk.message()
    assert message.state == State.DEAD
    assert message.encrypted_message is not None


def test_a_message_that_crashes_mailers_does_not_stop_the_next_one(
    desk: Desk, relay: Relay
) -> None:
    desk.put()
    desk.set(state=State.SENDING, crashes=4, due_at=desk.now() - timedelta(hours=1))
    desk.put()
    desk.mailer().deliver_one()
    assert len(relay.received) == 1


def test_a_result_after_the_lease_was_lost_changes_nothing(desk: Desk) -> None:
    desk.put()
    slow = _claim(desk, "slow")
    assert slow
    desk.set(due_at=desk.now() - timedelta(seconds=1))
    quick = _claim(desk, "quick")
    assert quick
    assert not _record(desk, slow, AttemptResult(Outcome.REFUSED, 550, "no"))
    assert desk.message().state == State.SENDING
    assert _record(desk, quick, AttemptResult(Outcome.DELIVERED, 250))
    assert desk.message().state == State.DELIVERED


def test_a_message_due_too_far_in_the_future_is_claimed(desk: Desk) -> None:
    desk.put()
    desk.set(due_at=desk.now() + retry_schedule.MAX_DUE_AHEAD + timedelta(hours=1))
    assert _claim(desk, "one")


def test_a_message_encrypted_with_an_unknown_key_stays_pending(desk: Desk) -> None:
    desk.put()
    desk.set(encrypted_message=b"gAAAAABsomething-else")
    desk.mailer().deliver_one()
    message = desk.message()
    assert message.state == State.PENDING
    assert message.attempts == 0
