"""Secrets are compared in constant time, and tokens are unpredictable."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.contact.models import new_reference
from config import ROOT

CODE = [*sorted((ROOT / "app").rglob("*.py")), *sorted(ROOT.glob("*.py"))]
SECRET = re.compile(
    r"token|secret|password|signature|digest|hmac|authorization|encryption_key", re.IGNORECASE
)
COLUMN = re.compile(r"[A-Z]\w+\.\w+")  # a lookup in the database, by keyed digest or lease token
# Allowed comparisons, and why they reveal nothing.
HARMLESS = {
    "digest.hexdigest()": "the checksum of a backup, which is stored in it",
    "'MAIL_PASSWORD' in values": "checks whether it is set",
}
MARKDOWN = re.compile(r".*\b(?:token|tokens\[\w+\]|child)\.(?:type|info|tag|children)\b.*")


def _comparisons(code: str) -> Iterator[str]:
    """Yield the operands of == and != in ``code`` whose name suggests a secret."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(how, ast.Eq | ast.NotEq) for how in node.ops):
            continue
        names = [ast.unparse(side) for side in (node.left, *node.comparators)]
        if any(COLUMN.fullmatch(name) for name in names):
            continue
        for side, name in zip((node.left, *node.comparators), names, strict=True):
            if isinstance(side, ast.Constant) or MARKDOWN.fullmatch(name):
                continue
            if SECRET.search(name):
                yield name


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_secret_is_compared_with_equals(path: Path) -> None:
    found = set(_comparisons(path.read_text(encoding="utf-8")))
    assert not found - HARMLESS.keys(), "compare with hmac.compare_digest"


def test_comparison_of_secrets_is_detected() -> None:
    assert list(_comparisons("a = given == settings.metrics_token")) == ["settings.metrics_token"]
    assert list(_comparisons("if digest != other: pass")) == ["digest"]


def test_no_token_comes_from_a_predictable_source() -> None:
    """`random` is only used for backoff; tokens and references use `secrets` and uuid4."""
    users = {
        str(path.relative_to(ROOT))
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "random" in {getattr(node, "module", None), *(alias.name for alias in node.names)}
    }
    assert users <= {"app/outbox/retry_schedule.py"}
    assert len({new_reference() for _ in range(2000)}) > 1990
