"""No text that somebody sends can keep a regular expression of ours busy for long.

Growth is judged, not time: twice the text may take four times as long, never eight.
"""

import ast
import importlib
import itertools
import pkgutil
import re
import signal
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import app
from app.clinic import Clinic
from app.contact.crisis_detection import mentions_crisis
from app.contact.email_suggestion import suggest_email
from app.contact.pii_detection import find_private_number

LENGTH = 2048  # characters
UNNOTICED = 0.02  # seconds of the processor; nothing is measured below
MOST_GROWTH = 6.0  # times as long for twice the text: between a square (4) and a cube (8)
OF_RE = ("match", "search", "fullmatch", "sub", "split", "findall", "finditer", "compile")


def _modules() -> Iterator[str]:
    for one in pkgutil.walk_packages(app.__path__, "app."):
        if not one.name.endswith("__main__"):
            yield one.name
    yield "config"


def _compiled() -> Iterator[tuple[str, str, int]]:
    """(where, pattern, flags) of each compiled pattern that a module holds."""
    for module in _modules():
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield f"{module}.{name}", value.pattern, value.flags


def _written_in_calls() -> Iterator[tuple[str, str, int]]:
    """Those that stand in a call, such as ``re.search(r"…", text)``."""
    for module in _modules():
        file = importlib.import_module(module).__file__
        assert file
        for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in {f"re.{name}" for name in OF_RE}
                and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            ):
                yield f"{module}:{node.lineno}", _text(node.args[0]), re.MULTILINE


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    """The pattern; what is filled in is an escaped key of a file: any word stands for it."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "key" for part in parts)


def _patterns() -> dict[str, re.Pattern[str]]:
    found = {}
    for where, pattern, flags in (*_compiled(), *_written_in_calls()):
        try:
            found[where] = re.compile(pattern, flags)
        except re.error:  # a fragment that others are made of; those are tried
            continue
    return found


PATTERNS = _patterns()


def _hostile(pattern: str) -> Iterator[str]:
    """Long texts from what the pattern itself speaks of: they nearly match, over and over."""
    words = re.findall(r"[a-z]{2,}", pattern)[:8]
    signs = dict.fromkeys(re.sub(r"[a-zA-Z0-9\\\[\](){}?*+|^$]", "", pattern))
    tokens = list(dict.fromkeys(["a", "0", " ", "\n", "!", *list(signs)[:8], *words]))
    for first, second in itertools.product(tokens, repeat=2):
        unit = first + second
        yield (unit * LENGTH)[:LENGTH] + "\0"


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _growth(work: Callable[[str], object], text: str) -> float:
    """How much longer twice the text takes; 1 when neither takes any time to speak of."""
    if _seconds(lambda: work(text)) < UNNOTICED:
        return 1.0
    whole, half = (
        min(_seconds(lambda part=part: work(part)) for _ in range(3))  # type: ignore[misc]
        for part in (text, text[len(text) // 2 :])
    )
    return whole / max(half, UNNOTICED / 4)


@contextmanager
def _ended_after(seconds: int, what: str) -> Iterator[None]:
    def stop(*_: object) -> None:
        pytest.fail(f"more than {seconds} s: {what}")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _try_all(pattern: re.Pattern[str]) -> None:
    def work(text: str) -> None:
        pattern.fullmatch(text)
        for _ in pattern.finditer(text):
            pass

    for text in _hostile(pattern.pattern):
        assert _growth(work, text) < MOST_GROWTH, ascii(text[:40])


@pytest.mark.parametrize("where", sorted(PATTERNS))
def test_no_text_keeps_a_regular_expression_busy(where: str) -> None:
    with _ended_after(60, where):
        _try_all(PATTERNS[where])


@pytest.mark.parametrize("bad", [r"(a+)+$", r"(\s*a*)*b", r"a*a*a*a*!"])
def test_a_bad_regular_expression_would_be_noticed(bad: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)), _ended_after(1, bad):
        _try_all(re.compile(bad))


def test_all_the_places_were_looked_at() -> None:
    assert {"app.contact.forms.PHONE", "app.contact.idempotency.CLIENT_KEY"} <= set(PATTERNS)
    assert any(where.startswith("config:") for where in PATTERNS)


@pytest.mark.parametrize(
    "text",
    ["x", "ab", "\ufb03", "\u3316", "\ufdfa", "kill ", "k i l ", "not ", "a\u0301", "\u81ea"],
    ids=ascii,
)  # some become six letters or more when they are written apart
def test_a_long_message_is_read_for_danger_and_numbers_in_bounded_time_and_space(
    clinic: Clinic, text: str
) -> None:
    message = text * (5000 // len(text))
    mentions_crisis("once, so that the list is ready", clinic.crisis_phrases)
    tracemalloc.start()
    with _ended_after(60, ascii(text)):
        mentions_crisis(message, clinic.crisis_phrases)
        find_private_number(message)
        suggest_email(f"{message}@gmail.co")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000
