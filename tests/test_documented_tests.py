"""Every test that the documents name exists."""

import ast
import re

import pytest

from config import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
DOCUMENTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
NAME = re.compile(r"\b(?:tests|bench)/[\w/.]*\w(?:::\w+)?")
NAMED = sorted({name for file in DOCUMENTS for name in NAME.findall(file.read_text("utf-8"))})
ROW = re.compile(r"^\| ([\d., ]+?) .*\|$", re.MULTILINE)
NUMBER = re.compile(r"\d{1,2}\.\d{1,2}(?:\.\d{1,2})?")


@pytest.mark.parametrize("name", NAMED)
def test_every_test_named_in_the_documents_exists(name: str) -> None:
    file, _, function = name.partition("::")
    assert (ROOT / file).exists()
    if not function:
        return
    code = (ROOT / file).read_text(encoding="utf-8")
    defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    assert function in defined


def test_each_requirement_has_one_row() -> None:
    numbers = [number for row in ROW.findall(TEXT) for number in NUMBER.findall(row)]
    assert len(numbers) > 60
    assert len(numbers) == len(set(numbers))
