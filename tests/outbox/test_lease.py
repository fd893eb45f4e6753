"""Leases: a crashed mailer's messages become due again, and a late result is ignored."""

from datetime import timedelta

from app.outbox import queue, results, retry_schedule
from app.outbox.models import OutboxMessage, Outcome, State
from app.outbox.results import AttemptResult
from tests.outbox.conftest import OutboxHarness
from tests.support.databases import sqlite_only
from tests.support.smtp_relay import Relay


def _claim(harness: OutboxHarness, owner: str) -> OutboxMessage | None:
    with harness.database.session() as session:
        return queue.claim(session, owner, harness.database.now(session))


def _record(harness: OutboxHarness, message: OutboxMessage, result: AttemptResult) -> bool:
    with harness.database.session() as session:
        return results.record_result(session, message, result, harness.database.now(session))


def test_a_claimed_message_cannot_be_claimed_again(harness: OutboxHarness) -> None:
    harness.enqueue()
    assert _claim(harness, "one")
    assert _claim(harness, "two") is None


def test_a_crashed_mailers_message_becomes_due_when_its_lease_ends(harness: OutboxHarness) -> None:
    harness.enqueue()
    assert _claim(harness, "one")
    harness.update(due_at=harness.now() - timedelta(seconds=1))
    again = _claim(harness, "two")
    assert again is not None
    assert again.owner == "two"
    assert harness.message().crash_count == 1


def test_released_leases_make_messages_due_at_once(harness: OutboxHarness) -> None:
    harness.enqueue()
    assert _claim(harness, "one")
    with harness.database.session() as session:
        assert queue.release_leases(session, "one", harness.database.now(session)) == 1
    assert _claim(harness, "two")


def test_a_message_that_crashes_its_mailer_five_times_is_dead_but_kept(
    harness: OutboxHarness,
) -> None:
    harness.enqueue()
    for _ in range(queue.MAX_CRASHES):
        assert _claim(harness, "one")
        harness.update(due_at=harness.now() - timedelta(seconds=1))
    assert _claim(harness, "one") is None
    message = harness.message()
    assert message.state == State.DEAD
    assert message.encrypted_message is not None


def test_a_message_that_crashes_mailers_does_not_stop_the_next_one(
    harness: OutboxHarness, relay: Relay
) -> None:
    harness.enqueue()
    harness.update(crash_count=4)
    assert _claim(harness, "one")
    harness.update(due_at=harness.now() - timedelta(hours=1))
    harness.enqueue()
    harness.mailer().deliver_one()
    assert len(relay.received) == 1


def test_a_result_after_the_lease_was_lost_changes_nothing(harness: OutboxHarness) -> None:
    harness.enqueue()
    slow = _claim(harness, "slow")
    assert slow
    harness.update(due_at=harness.now() - timedelta(seconds=1))
    quick = _claim(harness, "quick")
    assert quick
    assert not _record(harness, slow, AttemptResult(Outcome.RECIPIENT_REFUSED, 550, "no"))
    assert harness.message().state == State.SENDING
    assert _record(harness, quick, AttemptResult(Outcome.DELIVERED, 250))
    assert harness.message().state == State.DELIVERED


def test_a_message_due_too_far_in_the_future_is_claimed(harness: OutboxHarness) -> None:
    harness.enqueue()
    harness.update(due_at=harness.now() + retry_schedule.MAX_DUE_AHEAD + timedelta(hours=1))
    assert _claim(harness, "one")


@sqlite_only
def test_a_message_encrypted_with_an_unknown_key_stays_pending(harness: OutboxHarness) -> None:
    harness.enqueue()
    harness.update(encrypted_message=b"gAAAAABsomething-else")
    harness.mailer().deliver_one()
    message = harness.message()
    assert message.state == State.PENDING
    assert message.attempt_count == 0
