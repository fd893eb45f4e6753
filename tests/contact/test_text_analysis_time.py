"""The time of text analysis is linear: eight times the length takes about eight times as long."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.clinic.models import SpamFilter, default_crisis_phrases
from app.contact.crisis_detection import mentions_crisis
from app.contact.pii_detection import find_pii
from app.contact.spam.scoring import SpamSignals, score_spam
from tests.contact.conftest import INQUIRY

LENGTH = 256 * 1024
NUMBERS = ("1", "1-", "1 ", "123-45-", "4111 ", "ssn ", "ssn " + " " * 40, "member id ",
           "policy number: is: is ", "medical record # ", "mrn -", "\ufdfa")  # fmt: skip
SPAM = ("a.", "a-", "a@a.", "www.", "http://", "[url", "<a" + " " * 19, "dear ", "first page of ",
        "xkcdfghj", "aB", "\N{CYRILLIC SMALL LETTER A}a", "\ufdfa")  # fmt: skip
CRISIS = ("a", "kill ", "not at all ", "s ", "do not want to ", "\n", "\u0301")


def score(text: str) -> None:
    inquiry = replace(INQUIRY, name=text, best_time=text, message=text)
    score_spam(inquiry, SpamSignals(), SpamFilter())


def find_crisis(text: str) -> None:
    mentions_crisis(text, default_crisis_phrases())


def seconds(analyze: Callable[[str], object], text: str) -> float:
    """Processor time, so that other programs do not count."""
    began = time.process_time()
    analyze(text)
    return time.process_time() - began


@pytest.mark.parametrize(
    ("analyze", "pieces"), [(find_pii, NUMBERS), (score, SPAM), (find_crisis, CRISIS)]
)
def test_time_is_linear_in_the_length(
    analyze: Callable[[str], object], pieces: tuple[str, ...]
) -> None:
    analyze("warm")
    for piece in pieces:
        text = piece * (LENGTH // len(piece))
        eighth = max(seconds(analyze, text[: LENGTH // 8]), 0.01)
        assert seconds(analyze, text) < 40 * eighth, repr(piece)
