"""The fault tests detect lost and duplicate inquiries: sites with deliberate bugs fail them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults.clients import Submission, new_inquiry
from tests.faults.database_servers import SQLite
from tests.faults.delivery_check import Message, OutboxRow, Records, check_delivery
from tests.faults.fault_plan import Trigger
from tests.faults.power_cut import power_cut
from tests.faults.process_faults import kill_at
from tests.faults.registry import FaultFunction, Scenario
from tests.faults.runner import Result, run_scenario
from tests.faults.site_under_test import SiteUnderTest

Run = Callable[[FaultFunction], Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run one scenario on SQLite."""

    def run_it(function: FaultFunction) -> Result:
        site = SiteUnderTest(tmp_path / "site", SQLite(tmp_path), tmp_path / "maps")
        return run_scenario(Scenario("deliberate bug", function), site)

    return run_it


def test_a_mailer_that_records_a_delivery_before_sending_fails(run: Run) -> None:
    def fault(site: SiteUnderTest) -> None:
        site.plan = replace(site.plan, bugs=("record before sending",))
        kill_at(site, "in DATA", Trigger(every=4, limit=2), duplicates=False)

    result = run(fault)
    assert not result.error
    assert not result.passed
    assert any("no message was received" in line for line in result.check.lost)


def test_commits_that_are_not_synced_fail_the_power_cut(run: Run) -> None:
    def fault(site: SiteUnderTest) -> None:
        site.plan = replace(site.plan, bugs=("unsynced commits",))
        power_cut(site)

    result = run(fault)
    if result.skipped:
        pytest.skip(result.skipped)
    assert "lost at a power cut" in result.error


def test_a_fault_that_did_not_happen_is_a_failure(run: Run) -> None:
    assert run(lambda _site: None).error == "the fault did not happen"


def _acknowledged(reference: str) -> Submission:
    submission = new_inquiry()
    submission.references.append(reference)
    return submission


def _row(reference: str, state: str) -> OutboxRow:
    return OutboxRow(uuid4(), reference, f"<{reference}@clinic.example>", state)


def _records(*rows: OutboxRow) -> Records:
    return Records(frozenset(row.reference for row in rows), rows)


def _message(submission: Submission, row: OutboxRow) -> Message:
    return Message(row.message_id, submission.marker)


def test_an_inquiry_that_is_delivered_once_is_neither_lost_nor_duplicated() -> None:
    submission, row = _acknowledged("AAA-AAA"), _row("AAA-AAA", "delivered")
    check = check_delivery([submission], _records(row), [_message(submission, row)], [])
    assert (check.acknowledged, check.delivered) == (1, 1)
    assert not check.lost
    assert not check.duplicates


def test_each_way_to_lose_an_inquiry_counts() -> None:
    dead = _row("DDD-DDD", "dead")
    records = _records(_row("BBB-BBB", "delivered"), _row("CCC-CCC", "pending"), dead)
    with_unqueued = replace(records, references=records.references | {"EEE-EEE"})
    check = check_delivery([_acknowledged("AAA-AAA")], with_unqueued, [], [])
    assert [line[:7] for line in check.lost] == [
        "AAA-AAA", "BBB-BBB", "CCC-CCC", "DDD-DDD", "EEE-EEE",
    ]  # fmt: skip


def test_a_dead_message_that_is_listed_is_not_lost() -> None:
    dead = _row("DDD-DDD", "dead")
    assert not check_delivery([_acknowledged("DDD-DDD")], _records(dead), [], [dead.id]).lost


def test_extra_copies_and_extra_inquiries_are_duplicates() -> None:
    submission = _acknowledged("AAA-AAA")
    row, other = _row("AAA-AAA", "delivered"), _row("BBB-BBB", "delivered")
    messages = [_message(submission, row)] * 2 + [_message(submission, other)]
    check = check_delivery([submission], _records(row, other), messages, [])
    assert len(check.duplicates) == 2


def test_one_key_with_two_references_is_a_duplicate() -> None:
    submission, row = _acknowledged("AAA-AAA"), _row("AAA-AAA", "delivered")
    submission.references.append("BBB-BBB")
    check = check_delivery([submission], _records(row), [_message(submission, row)], [])
    assert len(check.duplicates) == 1
