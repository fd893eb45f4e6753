"""No text makes a regular expression of the application slow.

The tests measure growth, not time: twice the text may take four times as long, never eight.
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
from app.contact.pii_detection import find_pii

LENGTH = 1024  # characters
MIN_SECONDS = 0.02  # of processor time; less is not measured
MAX_GROWTH = 6.0  # times as long for twice the text: between a square (4) and a cube (8)
RE_FUNCTIONS = ("match", "search", "fullmatch", "sub", "split", "findall", "finditer", "compile")


def _modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        if not module.name.endswith("__main__"):
            yield module.name
    yield "config"


def _compiled() -> Iterator[tuple[str, str, int]]:
    """(where, pattern, flags) of each compiled pattern in a module."""
    for module in _modules():
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield f"{module}.{name}", value.pattern, value.flags


def _in_calls() -> Iterator[tuple[str, str, int]]:
    """Yield the patterns in calls, such as ``re.search(r"…", text)``."""
    for module in _modules():
        file = importlib.import_module(module).__file__
        assert file
        for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) in {f"re.{name}" for name in RE_FUNCTIONS}
                and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
            ):
                yield f"{module}:{node.lineno}", _text(node.args[0]), re.MULTILINE


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    """Return the pattern. Interpolated values are escaped keys of a file; any word will do."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "key" for part in parts)


def _patterns() -> dict[str, re.Pattern[str]]:
    """Each pattern once, by the first place that has it."""
    found: dict[str, re.Pattern[str]] = {}
    places: dict[str, str] = {}
    for where, pattern, flags in (*_compiled(), *_in_calls()):
        try:
            found[places.setdefault(pattern, where)] = re.compile(pattern, flags)
        except re.error:  # a fragment of other patterns, which are tested
            continue
    return found


PATTERNS = _patterns()


def _hostile(pattern: str) -> Iterator[str]:
    """Long texts made of parts of the pattern, so that they almost match many times."""
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
    """Return how many times longer twice the text takes; 1 if both are too fast to measure."""
    if _seconds(lambda: work(text)) < MIN_SECONDS:
        return 1.0
    whole, half = (
        min(_seconds(lambda part=part: work(part)) for _ in range(3))  # type: ignore[misc]
        for part in (text, text[len(text) // 2 :])
    )
    return whole / max(half, MIN_SECONDS / 4)


@contextmanager
def _time_limit(seconds: int, what: str) -> Iterator[None]:
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
        assert _growth(work, text) < MAX_GROWTH, ascii(text[:40])


@pytest.mark.parametrize("where", sorted(PATTERNS))
def test_no_text_makes_a_regular_expression_slow(where: str) -> None:
    with _time_limit(60, where):
        _try_all(PATTERNS[where])


@pytest.mark.parametrize("bad", [r"(a+)+$", r"(\s*a*)*b", r"a*a*a*a*!"])
def test_slow_regular_expression_is_detected(bad: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)), _time_limit(1, bad):
        _try_all(re.compile(bad))


def test_all_modules_are_searched() -> None:
    assert {"SCHEME", "IDEMPOTENCY_KEY"} <= {where.rpartition(".")[2] for where in PATTERNS}
    assert any(where.startswith("config:") for where in PATTERNS)


@pytest.mark.parametrize(
    "text",
    ["x", "ab", "\ufb03", "\u3316", "\ufdfa", "kill ", "k i l ", "not ", "a\u0301", "\u81ea"],
    ids=ascii,
)  # some expand to six letters or more
def test_long_message_is_analyzed_in_bounded_time_and_memory(clinic: Clinic, text: str) -> None:
    message = text * (5000 // len(text))
    mentions_crisis("builds the matcher", clinic.crisis_phrases)
    tracemalloc.start()
    with _time_limit(60, ascii(text)):
        mentions_crisis(message, clinic.crisis_phrases)
        find_pii(message)
        suggest_email(f"{message}@gmail.co")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
