"""What docs/security.md says is tested is tested."""

import ast
import re

import pytest

from config import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"tests/[\w/]+\.py(?:::\w+)?", TEXT)))
ROW = re.compile(r"^\| ([\d., ]+?) .*\|$", re.MULTILINE)
NUMBER = re.compile(r"\d{1,2}\.\d{1,2}(?:\.\d{1,2})?")


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    code = (ROOT / file).read_text(encoding="utf-8")
    defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    assert not function or function in defined


def test_each_requirement_has_one_row() -> None:
    numbers = [number for row in ROW.findall(TEXT) for number in NUMBER.findall(row)]
    assert len(numbers) > 60
    assert len(numbers) == len(set(numbers))
