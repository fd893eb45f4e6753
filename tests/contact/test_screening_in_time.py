"""No text makes the screening slow: eight times the length takes about eight times the time."""

import time
from collections.abc import Callable

import pytest

from app.clinic.models import SpamFilter, default_crisis_phrases
from app.contact.crisis_detection import mentions_crisis
from app.contact.pii_detection import find_private_number
from app.contact.spam.scoring import SpamSignals, score_spam

LENGTH = 256 * 1024
NUMBERS = ("1", "1-", "1 ", "123-45-", "4111 ", "ssn ", "ssn " + " " * 40, "member id ",
           "policy number: is: is ", "medical record # ", "mrn -", "\ufdfa")  # fmt: skip
SPAM = ("a.", "a-", "a@a.", "www.", "http://", "[url", "<a" + " " * 19, "dear ", "first page of ",
        "xkcdfghj", "aB", "\N{CYRILLIC SMALL LETTER A}a", "\ufdfa")  # fmt: skip
DANGER = ("a", "kill ", "not at all ", "s ", "do not want to ", "\n", "\u0301")


def score(text: str) -> None:
    score_spam(
        SpamSignals(name=text, email="a@example.com", best_time=text, message=text), SpamFilter()
    )


def look_for_danger(text: str) -> None:
    mentions_crisis(text, default_crisis_phrases())


def seconds(act: Callable[[str], object], text: str) -> float:
    """The processor's, for others share the machine."""
    began = time.process_time()
    act(text)
    return time.process_time() - began


@pytest.mark.parametrize(
    ("act", "pieces"), [(find_private_number, NUMBERS), (score, SPAM), (look_for_danger, DANGER)]
)
def test_time_grows_with_the_length_and_no_faster(
    act: Callable[[str], object], pieces: tuple[str, ...]
) -> None:
    act("warm")
    for piece in pieces:
        text = piece * (LENGTH // len(piece))
        eighth = max(seconds(act, text[: LENGTH // 8]), 0.01)
        assert seconds(act, text) < 40 * eighth, repr(piece)
