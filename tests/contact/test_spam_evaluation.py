"""Genuine messages are delivered and almost all spam is quarantined, on tuned and unseen data."""

from dataclasses import replace

import pytest

from tests.contact import spam_evaluation


@pytest.mark.parametrize("part", spam_evaluation.PARTS)
def test_no_genuine_message_is_quarantined(part: str) -> None:
    false_positives = [
        (message.kind, message.score, message.inquiry.message)
        for message in spam_evaluation.labeled(part)
        if message.is_quarantined and not message.is_spam
    ]
    assert false_positives == []


@pytest.mark.parametrize("part", spam_evaluation.PARTS)
def test_no_genuine_message_is_quarantined_without_javascript(part: str) -> None:
    without_time = (
        replace(message, signals=replace(message.signals, elapsed=None))
        for message in spam_evaluation.labeled(part)
    )
    assert [message for message in without_time if message.score.is_spam > message.is_spam] == []


@pytest.mark.parametrize("part", spam_evaluation.PARTS)
def test_at_least_95_percent_of_spam_is_quarantined(part: str) -> None:
    number = spam_evaluation.counts(part)
    assert number[True, True] / (number[True, True] + number[True, False]) >= 0.95


def test_set_is_large_and_has_no_duplicates() -> None:
    messages = [
        message.inquiry.message
        for part in spam_evaluation.PARTS
        for message in spam_evaluation.labeled(part)
    ]
    assert len(messages) == len(set(messages)) >= 200


def test_table_in_the_docs_is_up_to_date() -> None:
    assert spam_evaluation.table() in spam_evaluation.PAGE.read_text(encoding="utf-8")
