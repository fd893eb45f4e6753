"""A bench that cannot fail proves nothing: here it must catch sites that are broken on purpose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults.clients import Submission, new_inquiry
from tests.faults.database_servers import SQLite
from tests.faults.delivery_check import Mail, Records, Row, check_delivery
from tests.faults.fault_plan import Trigger
from tests.faults.power_cut import power_cut
from tests.faults.process_faults import die_at
from tests.faults.registry import FaultFunction, Scenario
from tests.faults.runner import Result, run_one
from tests.faults.site_under_test import SiteUnderTest

Run = Callable[[FaultFunction], Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run one scenario on a SQLite site."""

    def run_it(trouble: FaultFunction) -> Result:
        site = SiteUnderTest(tmp_path / "site", SQLite(tmp_path), tmp_path / "maps")
        return run_one(Scenario("broken", trouble), site)

    return run_it


def test_a_mailer_that_marks_first_and_sends_afterwards_is_caught(run: Run) -> None:
    def trouble(site: SiteUnderTest) -> None:
        site.plan = replace(site.plan, broken=("settle first",))
        die_at(site, "in DATA", Trigger(every=4, most=2), copies=False)

    result = run(trouble)
    assert not result.wrong
    assert not result.held
    assert any("no mail came" in one for one in result.verdict.lost)


def test_commits_that_are_not_synced_are_caught_by_the_power_cut(run: Run) -> None:
    def trouble(site: SiteUnderTest) -> None:
        site.plan = replace(site.plan, broken=("sync lightly",))
        power_cut(site)

    result = run(trouble)
    if result.missing:
        pytest.skip(result.missing)
    assert "LOST at a power cut" in result.wrong


def test_a_fault_that_did_not_happen_is_no_success(run: Run) -> None:
    assert run(lambda _world: None).wrong == "the fault did not happen"


def _told(reference: str) -> Submission:
    sent = new_inquiry()
    sent.references.append(reference)
    return sent


def _row(reference: str, state: str) -> Row:
    return Row(uuid4(), reference, f"<{reference}@clinic.example>", state)


def _records(*rows: Row) -> Records:
    return Records(frozenset(row.reference for row in rows), rows)


def _mail(sent: Submission, row: Row) -> Mail:
    return Mail(row.message_id, sent.marker)


def test_an_inquiry_that_arrived_once_is_neither_lost_nor_doubled() -> None:
    sent, row = _told("AAA-AAA"), _row("AAA-AAA", "delivered")
    verdict = check_delivery([sent], _records(row), [_mail(sent, row)], [])
    assert (verdict.acknowledged, verdict.delivered) == (1, 1)
    assert not verdict.lost
    assert not verdict.dup


def test_each_way_of_losing_an_inquiry_counts() -> None:
    dead = _row("DDD-DDD", "dead")
    records = _records(_row("BBB-BBB", "delivered"), _row("CCC-CCC", "pending"), dead)
    alone = replace(records, references=records.references | {"EEE-EEE"})
    verdict = check_delivery([_told("AAA-AAA")], alone, [], [])
    assert [line[:7] for line in verdict.lost] == [
        "AAA-AAA", "BBB-BBB", "CCC-CCC", "DDD-DDD", "EEE-EEE",
    ]  # fmt: skip


def test_a_dead_row_that_the_operators_list_shows_is_not_lost() -> None:
    dead = _row("DDD-DDD", "dead")
    assert not check_delivery([_told("DDD-DDD")], _records(dead), [], [dead.id]).lost


def test_copies_and_second_inquiries_count_as_dup() -> None:
    sent, row, other = _told("AAA-AAA"), _row("AAA-AAA", "delivered"), _row("BBB-BBB", "delivered")
    mails = [_mail(sent, row), _mail(sent, row), _mail(sent, other)]
    assert len(check_delivery([sent], _records(row, other), mails, []).dup) == 2


def test_one_key_with_two_references_counts_as_dup() -> None:
    sent, row = _told("AAA-AAA"), _row("AAA-AAA", "delivered")
    sent.references.append("BBB-BBB")
    assert len(check_delivery([sent], _records(row), [_mail(sent, row)], []).dup) == 1
