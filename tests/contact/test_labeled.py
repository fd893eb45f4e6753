"""No person's message is held, and almost all spam is: on what was tuned, and on what was not."""

from dataclasses import replace

import pytest

from app.clinic.models import SpamFilter
from app.contact.spam.scoring import score_spam
from tests.contact import spam_evaluation


@pytest.mark.parametrize("part", spam_evaluation.PARTS)
def test_nobody_is_mistaken_for_spam(part: str) -> None:
    mistaken = [
        (one.kind, one.verdict, one.facts.message)
        for one in spam_evaluation.labeled(part)
        if one.held and not one.spam
    ]
    assert mistaken == []


@pytest.mark.parametrize("part", spam_evaluation.PARTS)
def test_nobody_is_held_without_javascript_either(part: str) -> None:
    people = (one.facts for one in spam_evaluation.labeled(part) if not one.spam)
    timeless = (replace(facts, elapsed=None) for facts in people)
    assert [facts for facts in timeless if score_spam(facts, SpamFilter()).is_spam] == []


@pytest.mark.parametrize("part", spam_evaluation.PARTS)
def test_of_spam_at_least_95_percent_is_held(part: str) -> None:
    found = spam_evaluation.counts(part)
    assert found[True, True] / (found[True, True] + found[True, False]) >= 0.95


def test_the_set_is_large_and_each_message_stands_once() -> None:
    messages = [
        one.facts.message for part in spam_evaluation.PARTS for one in spam_evaluation.labeled(part)
    ]
    assert len(messages) == len(set(messages)) >= 200


def test_the_table_in_the_docs_is_the_one_that_is_counted() -> None:
    assert spam_evaluation.table() in spam_evaluation.PAGE.read_text(encoding="utf-8")
